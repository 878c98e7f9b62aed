"""A model's source as the inventory and ``--to`` write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from garnet_cli.errors import UsageError
from garnet_cli.fleet.source import check_folder, parse_source


@pytest.mark.parametrize(
    ("text", "path"),
    [("/a/b", "/a/b"), ("./b", "/srv/b"), ("../b", "/b"), (".", "/srv"), ("~/b", "/home/me/b")],
)
def test_folders_are_absolute(text: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative folders start from the given one, ~ is home."""
    monkeypatch.setenv("HOME", "/home/me")
    assert parse_source(text, Path("/srv")).path == Path(path)


@pytest.mark.parametrize("revision", ["main", "v1.0", "7f0dc92", "x" * 40])
def test_what_is_no_full_commit_is_refused_because_it_moves(revision: str) -> None:
    """Branches, tags and short hashes are told why not."""
    with pytest.raises(UsageError, match="different files under one name"):
        parse_source(f"org/repo@{revision}", Path("/"))


def test_repository_is_not_looked_for_on_disk() -> None:
    """Only folders are checked on this machine."""
    check_folder(parse_source("org/repo@" + "a" * 40, Path("/")))
