"""The tiny model is what other tests may rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import CACHE
from tests.models import tiny_model


@pytest.mark.fleet
def test_same_seed_gives_the_same_files(node_python: Path, tiny_model_a: Path, tmp_path: Path) -> None:
    """Two builds of one seed are equal byte for byte, so that their artifact ids are."""
    again = tiny_model(node_python, tmp_path, seed=1)
    files = sorted(path.name for path in again.iterdir())
    assert files == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    for name in files:
        assert (again / name).read_bytes() == (tiny_model_a / name).read_bytes()


@pytest.mark.fleet
def test_other_seed_gives_other_weights(tiny_model_a: Path, tiny_model_b: Path) -> None:
    """Models of two seeds share their tokenizer and differ in their weights."""
    weights = [(model / "model.safetensors").read_bytes() for model in (tiny_model_a, tiny_model_b)]
    assert weights[0] != weights[1]
    assert (tiny_model_a / "tokenizer.json").read_bytes() == (tiny_model_b / "tokenizer.json").read_bytes()


@pytest.mark.fleet
def test_build_is_cached_and_shaped_by_its_arguments(node_python: Path, slow_model: Path) -> None:
    """A second call returns the same folder, and the layers asked for are there."""
    assert tiny_model(node_python, CACHE, seed=3, layers=12, hidden=256) == slow_model
    config = json.loads((slow_model / "config.json").read_text())
    assert (config["num_hidden_layers"], config["hidden_size"]) == (12, 256)
