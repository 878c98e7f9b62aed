"""Copy one store into another: for sites without a network, and for backups.

Keys say what an object is, so that only what is missing or of another size is copied; stopping at any
point is harmless. Manifests go last, so that none names a file which is not there yet. Nothing is deleted
in the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from garnet_cli.errors import GarnetError
from garnet_cli.store.fetch import each
from garnet_cli.store.manifest import number_of
from node_scripts.store.objects import ObjectInfo, ObjectMissingError, ObjectStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What a target lacks."""

    copy: list[ObjectInfo]
    """As the source lists them."""
    replaced: set[str]
    """Keys of those that the target has in another size."""
    same: int

    @property
    def bytes(self) -> int:
        """Return how much is to be copied."""
        return sum(info.size_bytes for info in self.copy)


@dataclass(frozen=True, kw_only=True, slots=True)
class Synced:
    """What was copied."""

    copied: int
    bytes: int
    replaced: int
    same: int
    vanished: int
    """Objects that the source deleted meanwhile."""


def difference(source: ObjectStore, target: ObjectStore) -> Difference:
    """Compare two stores by their listings. Raises StoreError."""
    copy: list[ObjectInfo] = []
    replaced: set[str] = set()
    same = 0
    for info, there in side_by_side(source.list(""), target.list("")):
        if there is None:
            copy.append(info)
        elif there.size_bytes != info.size_bytes:
            copy.append(info)
            replaced.add(info.key)
        else:
            same += 1
    return Difference(copy=copy, replaced=replaced, same=same)


def side_by_side(
    source: Iterable[ObjectInfo], target: Iterable[ObjectInfo]
) -> Iterator[tuple[ObjectInfo, ObjectInfo | None]]:
    """Pair each of ``source`` with ``target``'s of the same key; both are in the order of their keys."""
    others = iter(target)
    other = next(others, None)
    for info in source:
        while other is not None and other.key < info.key:
            other = next(others, None)
        yield info, other if other is not None and other.key == info.key else None


def copy_missing(
    source: ObjectStore, target: ObjectStore, found: Difference, tell: Callable[[int, int], None]
) -> Synced:
    """Copy ``found`` and look again whether all of it is there; ``tell`` is told objects and bytes so far.

    Raises StoreError, and GarnetError where an object does not arrive in its size.
    """
    sizes = {info.key: info.size_bytes for info in found.copy}
    copied = size = 0

    def one(key: str) -> int | None:
        try:
            content = source.get(key)
        except ObjectMissingError:
            return None
        if len(content) != sizes[key]:
            raise GarnetError(f"{key} came with {len(content)} bytes of {sizes[key]}", remedy="run it again")
        target.put(key, content, only_new=key not in found.replaced)
        return len(content)

    gone: set[str] = set()
    manifests = [key for key in sizes if number_of(key) is not None]
    for keys in ([key for key in sizes if number_of(key) is None], manifests):
        for key, done in zip(keys, each(one, keys), strict=True):
            if done is None:
                gone.add(key)
                continue
            copied, size = copied + 1, size + done
            tell(copied, size)
    _verify(target, {key: value for key, value in sizes.items() if key not in gone})
    return Synced(
        copied=copied, bytes=size, replaced=len(found.replaced), same=found.same, vanished=len(gone)
    )


def _verify(target: ObjectStore, sizes: dict[str, int]) -> None:
    wrong = dict(sizes)
    for info in target.list("") if sizes else ():
        if wrong.get(info.key) == info.size_bytes:
            del wrong[info.key]
    if wrong:
        key = min(wrong)
        raise GarnetError(f"{len(wrong)} objects did not arrive whole, such as {key}", remedy="run it again")
