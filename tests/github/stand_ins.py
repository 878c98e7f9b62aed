"""Stands in for the actions of others that the examples use."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import ROOT
from tests.github.runner import Action, Runner, set_up_python


class Artifacts:
    """What upload-artifact has kept, for download-artifact of a later job."""

    def __init__(self, folder: Path) -> None:
        """Keep them below ``folder``."""
        self._folder = folder

    def upload(self, runner: Runner, given: Mapping[str, str]) -> Mapping[str, str]:
        """Keep a file, or what is in a folder."""
        source, kept = runner.workspace / given["path"], self._folder / given["name"]
        if source.is_dir():
            shutil.copytree(source, kept)
        else:
            kept.mkdir(parents=True)
            shutil.copy(source, kept)
        assert any(kept.iterdir()) or given.get("if-no-files-found") != "error"
        return {}

    def download(self, runner: Runner, given: Mapping[str, str]) -> Mapping[str, str]:
        """Copy what was kept into a folder of the workspace."""
        shutil.copytree(
            self._folder / given["name"], runner.workspace / given.get("path", "."), dirs_exist_ok=True
        )
        return {}


def actions(repository: Path, artifacts: Artifacts) -> dict[str, Path | Action]:
    """Return all actions by name: garnet's own is the real one; ``repository`` is what is checked out."""

    def checkout(runner: Runner, given: Mapping[str, str]) -> Mapping[str, str]:
        assert given["persist-credentials"] == "false"
        target = runner.workspace / given.get("path", ".")
        if given.get("repository", "").endswith("/garnet"):
            target.symlink_to(ROOT)
        else:
            shutil.copytree(repository, target, dirs_exist_ok=True)
        return {}

    return {
        "your-organisation/garnet": ROOT,
        "actions/checkout": checkout,
        "actions/setup-python": set_up_python,
        "actions/upload-artifact": artifacts.upload,
        "actions/download-artifact": artifacts.download,
    }
