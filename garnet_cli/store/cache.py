"""Parquet files of the store, kept on this machine: named by content, so never stale."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from garnet_cli.actions.demo import cache_folder
from garnet_cli.errors import GarnetError
from garnet_cli.store.fetch import fetch_each
from garnet_cli.store.manifest import Manifest, ParquetFile
from node_scripts.store.objects import ObjectStore

LIMIT_BYTES = 4 * 1024**3
PRUNE_SHARE = 0.05
"""A process looks for what to delete when it first adds a file, then after each such share of the limit."""
IN_USE_S = 3600.0
"""Files used within this time stay, whatever the limit."""


class ParquetCache:
    """A folder of Parquet files."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        """Keep files in ``folder``, the least recently used going first beyond ``limit_bytes``."""
        self._folder = folder
        self._limit = limit_bytes
        self._until_pruned = 0.0

    @classmethod
    def usual(cls) -> ParquetCache:
        """Return the one below GARNET_CACHE or ~/.cache/garnet."""
        return cls(cache_folder() / "parquet")

    def paths(self, store: ObjectStore, manifest: Manifest, files: Sequence[ParquetFile]) -> list[Path]:
        """Return the paths of ``files``, fetching those that are not here, several at once.

        Raises ObjectMissingError where the store lacks one, GarnetError where one is not what the
        manifest says.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        by_key = {manifest.key_of(one): one for one in files}
        missing = [key for key, one in by_key.items() if not self._have(one)]
        for _ in fetch_each(store, missing, lambda key, content: self._keep(by_key[key], content)):
            pass
        self._note_added(sum(by_key[key].size_bytes for key in missing))
        return [self._folder / one.name for one in files]

    def _have(self, file: ParquetFile) -> bool:
        path = self._folder / file.name
        try:
            if path.stat().st_size != file.size_bytes:
                return False
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _keep(self, file: ParquetFile, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise GarnetError(f"{file.name} in the store is damaged", remedy="restore it from a copy")
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".unfinished-")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            Path(name).replace(self._folder / file.name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _note_added(self, size_bytes: int) -> None:
        if size_bytes == 0:
            return
        self._until_pruned -= size_bytes
        if self._until_pruned <= 0:
            self._until_pruned = self._limit * PRUNE_SHARE
            self._prune()

    def _prune(self) -> None:
        files = [(path, state) for path in self._folder.iterdir() if (state := _state(path)) is not None]
        total = sum(state.st_size for _, state in files)
        for path, state in sorted(files, key=lambda one: one[1].st_mtime):
            if total <= self._limit or time.time() - state.st_mtime < IN_USE_S:
                return
            path.unlink(missing_ok=True)
            total -= state.st_size


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None  # renamed or deleted by another run meanwhile
