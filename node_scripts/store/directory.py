"""A store in a directory: a disk, a share, or what `garnet store sync` carries to another site."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from node_scripts.store.keys import check_key
from node_scripts.store.objects import (
    ObjectInfo,
    ObjectMissingError,
    StoreRefusedError,
    StoreUnreachableError,
)

_UNFINISHED = ".unfinished-"
_REFUSALS = {
    errno.EACCES: "make it writable for this user",
    errno.EPERM: "make it writable for this user",
    errno.EROFS: "mount it writable",
    errno.EEXIST: "a file lies where a folder must be",
    errno.ENOTDIR: "a file lies where a folder must be",
    errno.EISDIR: "a folder lies where a file must be",
    errno.ENAMETOOLONG: "its file system takes shorter names only",
}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class DirectoryStore:
    """Objects as files below ``root``, which must exist: an unmounted share must not be filled beneath."""

    def __init__(self, root: Path) -> None:
        """Keep objects below ``root``."""
        self._root = root

    def __repr__(self) -> str:
        """Name it in errors and logs."""
        return str(self._root)

    def put(self, key: str, content: bytes, *, only_new: bool = True) -> bool:
        """Write an object whole; with ``only_new`` leave one that exists alone and return False."""
        path = self._root / check_key(key)
        with self._errors():
            self._check_root()
            if only_new and path.exists():
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            return _write(path, content, only_new=only_new)

    def get(self, key: str) -> bytes:
        """Return an object's content. Raises ObjectMissingError."""
        path = self._root / check_key(key)
        with self._errors():
            self._check_root()
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise ObjectMissingError(f"{self!r}: no object {key}") from None

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix`` in the order of their keys, from after ``start_after``."""
        folder, _, _ = prefix.rpartition("/")
        if folder:
            check_key(folder)
        with self._errors():
            self._check_root()
            yield from self._walk(f"{folder}/" if folder else "", prefix, start_after)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; one that is not there is none to delete."""
        with self._errors():
            self._check_root()
            for key in keys:
                path = self._root / check_key(key)
                if path.is_file():
                    path.unlink(missing_ok=True)
                    self._remove_empty(path.parent)

    def _check_root(self) -> None:
        if not self._root.is_dir():
            raise StoreUnreachableError(f"{self!r}: no such folder", "make it, or mount what lies there")

    def _walk(self, folder: str, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        try:
            with os.scandir(self._root / folder) as scan:
                entries = [entry for entry in scan if not entry.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return
        # A folder's keys all begin with its name and a slash: sorted so, whole keys come out sorted.
        names = {entry.name + "/" * entry.is_dir(): entry for entry in entries}
        for name in sorted(names):
            key = folder + name
            if not key.startswith(prefix[: len(key)]):
                continue
            if key.endswith("/"):
                if key > start_after or start_after.startswith(key):
                    yield from self._walk(key, prefix, start_after)
            elif key.startswith(prefix) and key > start_after:
                try:
                    state = names[name].stat()
                except FileNotFoundError:
                    continue
                yield ObjectInfo(key, state.st_size, state.st_mtime)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return  # not empty, or already gone
            folder = folder.parent

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"{self!r}: {error.strerror or error}"
            remedy = _REFUSALS.get(error.errno or 0)
            if remedy is not None:
                raise StoreRefusedError(what, remedy) from error
            raise StoreUnreachableError(what, "see whether its disk is full or its share is away") from error


def _write(path: Path, content: bytes, *, only_new: bool) -> bool:
    """Write to a hidden name beside ``path``, fsync, and give it its name at once."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if not only_new:
            unfinished.replace(path)
        elif not _link(unfinished, path):
            return False
    finally:
        unfinished.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _link(unfinished: Path, path: Path) -> bool:
    """Give the file its name unless that is taken; on shares without links, look first, then rename."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            return False
        unfinished.replace(path)
    return True
