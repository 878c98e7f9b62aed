"""Where a model's files come from: a Hugging Face repository at a commit, or a folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from garnet_cli.errors import UsageError

REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
COMMIT = re.compile(r"[0-9a-f]{40}")
PATH_BEGINNINGS = ("/", "./", "../", "~")
FORMS = '"org/repo@<commit, 40 hex digits>" or a path that begins with "/", "./", "../" or "~"'


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSource:
    """A model's source, resolved: no relative path is left in it."""

    kind: Literal["repository", "folder"]
    text: str
    """As the inventory or ``--to`` wrote it; for people and for LoaderSpec.source."""
    repository: str | None = None
    """``org/repo``; set for a repository."""
    revision: str | None = None
    """The full commit; set for a repository."""
    path: Path | None = None
    """Absolute; set for a folder."""


def parse_source(text: str, folder: Path) -> ModelSource:
    """Read a source; ``folder`` is what relative paths start from.

    Raises UsageError whose message begins with "is …": the caller says what is. Does not touch the disk.
    """
    if text.startswith(PATH_BEGINNINGS) or text in {".", ".."}:
        if "\0" in text:
            raise UsageError("holds a NUL character, expected a path")
        path = Path(os.path.normpath(folder.absolute() / os.path.expanduser(text)))  # noqa: PTH111
        return ModelSource(kind="folder", text=text, path=path)
    repository, at, revision = text.partition("@")
    if not REPOSITORY.fullmatch(repository):
        raise UsageError(f'is "{text}", expected {FORMS}')
    if not at or not revision:
        raise UsageError(
            f'is "{text}" without a commit, expected "{repository}@<commit, 40 hex digits>"'
            f' (or "./{repository}" for a folder)'
        )
    if not COMMIT.fullmatch(revision.lower()):
        raise UsageError(
            f'is at "{revision}": a branch, tag or short hash moves or is ambiguous, and nodes could serve'
            f' different files under one name; expected "{repository}@<commit, 40 hex digits>"'
        )
    return ModelSource(kind="repository", text=text, repository=repository, revision=revision.lower())


def check_folder(source: ModelSource) -> None:
    """Check on this machine that a folder source holds a model; a repository passes.

    Raises UsageError whose message begins with "is …".
    """
    if source.path is None:
        return
    if not os.path.isdir(source.path):  # noqa: PTH112 -- Path.is_dir raises on names the system refuses
        raise UsageError(f'is "{source.text}", but {source.path} is no folder on this machine')
    if not os.path.isfile(source.path / "config.json"):  # noqa: PTH113 -- likewise
        raise UsageError(f'is "{source.text}", but {source.path} holds no config.json: not a model\'s folder')
