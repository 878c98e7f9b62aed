"""The catalogue of models, and what it proposes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from garnet_cli.errors import UsageError
from garnet_cli.report.catalogue import known_model, newer_model, read_catalogue

TODAY = date(2026, 10, 1)


def test_our_own_catalogue_is_whole() -> None:
    """Names are unique, nothing is newer than the catalogue itself, and sizes are plausible."""
    found = read_catalogue()
    assert len({one.name for one in found.models}) == len(found.models)
    assert all(one.released <= found.date for one in found.models)
    llama = next(one for one in found.models if one.name == "llama-3.3-70b")
    assert 40e9 < llama.need_bytes < 60e9


def test_served_models_are_known_by_repository_or_name() -> None:
    """The longest name wins: a coder is no chat model."""
    found = read_catalogue()
    for served, name in (
        (["chat", "mlx-community/Llama-3.2-3B-Instruct-4bit@0123"], "llama-3.2-3b"),
        (["llama-3.3-70b"], "llama-3.3-70b"),
        (["Qwen2.5-Coder-32B-Instruct"], "qwen2.5-coder-32b"),
    ):
        known = known_model(served, found)
        assert known is not None
        assert known.name == name
    assert known_model(["ours", "./models/ours"], found) is None


def test_newer_model_of_like_size_and_kind() -> None:
    """Code for code, no larger by more than a little; none for the newest and for what is not known."""
    found = read_catalogue()
    coder = newer_model(["qwen2.5-coder-32b"], found, TODAY)
    assert coder is not None
    assert coder.name == "qwen3-coder-30b-a3b"
    small = newer_model(["llama-3.2-3b"], found, TODAY)
    assert small is None or small.parameters_billion <= 3.2 * 1.15
    assert newer_model(["qwen3-coder-30b-a3b"], found, TODAY) is None
    assert newer_model(["ours"], found, TODAY) is None


def test_nothing_is_proposed_before_it_was_out() -> None:
    """A report of an earlier quarter is made as it would have been."""
    found = newer_model(["qwen2.5-coder-32b"], read_catalogue(), date(2025, 7, 1))
    assert found is None


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """With its path."""
    path = tmp_path / "mine.toml"
    with pytest.raises(UsageError, match="mine"):
        read_catalogue(path)
    path.write_text("date = 2026-01-01\nsource = 'x'\n[[models]]\nname = 'a'\n")
    with pytest.raises(UsageError, match="repository"):
        read_catalogue(path)
