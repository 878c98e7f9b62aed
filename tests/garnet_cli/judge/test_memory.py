"""What fits on a node."""

from __future__ import annotations

import json
from pathlib import Path

from garnet_cli.judge.memory import (
    GIB,
    PROCESS_BYTES,
    ArtifactSize,
    fit,
    need_bytes,
)
from node_scripts.loader_cache import key_value_bytes_per_token, prompt_cache_bytes, prompt_cache_bytes_of

LLAMA_8B = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}


def test_key_value_bytes_follow_the_published_shape_of_llama_3_8b() -> None:
    """128 KiB a token: 2 · 32 layers · 8 heads · 128 · 2 bytes."""
    assert key_value_bytes_per_token(LLAMA_8B) == 131_072


def test_an_explicit_head_size_wins_over_the_hidden_size() -> None:
    """Some models' heads are not hidden_size / heads."""
    assert key_value_bytes_per_token(LLAMA_8B | {"head_dim": 256}) == 262_144


def test_a_config_inside_text_config_is_found() -> None:
    """Multimodal models nest the language model's configuration."""
    assert key_value_bytes_per_token({"text_config": LLAMA_8B}) == 131_072


def test_an_unknown_shape_counts_a_tenth_of_the_weights() -> None:
    """No figure is invented from half a config."""
    assert key_value_bytes_per_token({"num_hidden_layers": 2}) is None
    assert need_bytes(ArtifactSize(10 * GIB, {}), 8192, 1) == 13 * GIB + PROCESS_BYTES


def test_every_sequence_in_flight_and_the_prompt_cache_count() -> None:
    """Llama 3 8B at 8192 tokens: a GiB each for 8 requests at once, and 2 GiB of prompt cache."""
    assert prompt_cache_bytes(LLAMA_8B, 5 * GIB, 8192) == 2 * GIB
    assert need_bytes(ArtifactSize(5 * GIB, LLAMA_8B), 8192, 8) == (5 + 8 + 2) * GIB + PROCESS_BYTES


def test_a_prompt_cache_of_its_own_size_counts_instead_of_two_contexts() -> None:
    """6 GiB in place of 2."""
    size = ArtifactSize(5 * GIB, LLAMA_8B)
    assert need_bytes(size, 8192, 8, 6 * GIB) - need_bytes(size, 8192, 8) == 4 * GIB


def test_a_loader_bounds_its_prompt_cache_by_what_was_judged(tmp_path: Path) -> None:
    """It reads the same config; one that cannot be read counts as silent."""
    (tmp_path / "model.safetensors").write_bytes(bytes(1000))
    assert prompt_cache_bytes_of(tmp_path, 8192) == 200
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B))
    assert prompt_cache_bytes_of(tmp_path, 8192) == 2 * GIB


def test_a_mac_lends_three_quarters_of_its_memory() -> None:
    """49 GiB do not fit on a 64 GiB Mac, whatever is free; on Linux they do."""
    assert not fit(49 * GIB, 0, system="Darwin", memory_bytes=64 * GIB, available_bytes=60 * GIB).fits
    assert fit(49 * GIB, 0, system="Linux", memory_bytes=64 * GIB, available_bytes=60 * GIB).fits


def test_both_the_limit_and_the_free_memory_count() -> None:
    """Loaders that are there count against the limit; other programs against what is free."""
    arguments = {"system": "Darwin", "memory_bytes": 64 * GIB}
    assert fit(20 * GIB, 28 * GIB, available_bytes=20 * GIB, **arguments).fits  # type: ignore[arg-type]
    assert not fit(20 * GIB, 29 * GIB, available_bytes=20 * GIB, **arguments).fits  # type: ignore[arg-type]
    assert not fit(20 * GIB, 0, available_bytes=19 * GIB, **arguments).fits  # type: ignore[arg-type]
    assert fit(20 * GIB, 0, available_bytes=None, **arguments).fits  # type: ignore[arg-type]
