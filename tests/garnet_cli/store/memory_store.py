"""A store in memory that can fail at any call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from node_scripts.store.objects import ObjectInfo, ObjectMissingError, StoreUnreachableError


class MemoryStore:
    """Keeps objects in a dict; ``now`` is its clock."""

    def __init__(self) -> None:
        """Begin empty."""
        self.objects: dict[str, tuple[bytes, float]] = {}
        self.now = 0.0
        self.changes = 0
        """Puts and deletes so far."""
        self.gets: list[str] = []
        self.fail_at: int | None = None
        """The change at which, and from which on, everything fails."""
        self.after = False
        """Whether the failing change is done before it fails, as when an answer is lost."""

    def put(self, key: str, content: bytes, *, only_new: bool = True) -> bool:
        """See ObjectStore."""
        if only_new and key in self.objects:
            return False

        def change() -> None:
            self.objects[key] = (content, self.now)

        self._change(change)
        return True

    def get(self, key: str) -> bytes:
        """See ObjectStore."""
        self.gets.append(key)
        try:
            return self.objects[key][0]
        except KeyError:
            raise ObjectMissingError(f"memory: no object {key}") from None

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > start_after:
                content, modified = self.objects[key]
                yield ObjectInfo(key, len(content), modified)

    def delete(self, keys: Iterable[str]) -> None:
        """See ObjectStore."""
        for key in list(keys):
            self._change(lambda key=key: self.objects.pop(key, None))

    def _change(self, change: object) -> None:
        assert callable(change)
        failing = self.fail_at is not None and self.changes >= self.fail_at
        if failing and not (self.after and self.changes == self.fail_at):
            raise StoreUnreachableError("memory: gone")
        change()
        self.changes += 1
        if failing:
            raise StoreUnreachableError("memory: answer lost")
