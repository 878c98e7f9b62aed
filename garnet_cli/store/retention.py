"""Delete what is not needed any more, each kind only when nothing can need it.

Ages are counted by the store's own clock and against the newest day that the store has: an operator's
machine with a wrong clock, or a fleet that has been off for long, deletes nothing too early.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from garnet_cli.store.days import raw_objects
from garnet_cli.store.manifest import CompactedDay, Manifest, number_of, read_day, read_manifest
from node_scripts.store.objects import ObjectInfo, ObjectMissingError, ObjectStore

DAY_S = 86_400.0
GRACE_S = DAY_S
"""For readers that still use an older generation, and for the files of runs that have not ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long what is kept."""

    raw_days: int
    days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Tidied:
    """What was deleted of one day, in objects."""

    raw: int = 0
    orphans: int = 0
    """Parquet files and manifests of older generations and of dead runs."""
    expired: int = 0
    """Of days past the retention."""
    held: str = ""
    """Why nothing was deleted although something could have been."""


def tidy_day(
    store: ObjectStore,
    fleet: str,
    day: date,
    newest: date,
    now_unix: float,
    limits: Limits,
    listing: Sequence[ObjectInfo] | None = None,
) -> Tidied:
    """Delete what ``limits`` let go of a day. Dying in between is harmless: running again goes on.

    ``newest`` is the newest day in the store that is not ahead of its clock, ``now_unix`` the time by it.
    """
    compacted = read_day(store, fleet, day, listing)
    if day < newest - timedelta(days=limits.days):
        return Tidied(expired=_expire(store, fleet, compacted))
    if compacted.unreadable:
        return Tidied(held=f"{compacted.unreadable[0]} cannot be read")
    orphans = _orphans(store, compacted, now_unix)
    store.delete(orphans)
    if day >= newest - timedelta(days=limits.raw_days) or not _settled(compacted, now_unix):
        return Tidied(orphans=len(orphans))
    manifest = compacted.manifest
    if manifest is None:
        return Tidied(orphans=len(orphans))
    inputs = manifest.input_keys()
    raw = [info.key for found in raw_objects(store, fleet, day) for info in found if info.key in inputs]
    if raw:
        broken = _broken(store, manifest)
        if broken:
            return Tidied(orphans=len(orphans), held=broken)
        store.delete(raw)
    return Tidied(raw=len(raw), orphans=len(orphans))


def _expire(store: ObjectStore, fleet: str, compacted: CompactedDay) -> int:
    """Delete a whole day: raw objects first, then manifests from the oldest, then files.

    So at every point what is left is a day with fewer minutes, never one whose files are missing.
    """
    raw = [info.key for found in raw_objects(store, fleet, compacted.day) for info in found]
    keys = [info.key for info in compacted.listing]
    manifests = sorted(key for key in keys if number_of(key) is not None)
    for part in (raw, *([key] for key in manifests), [key for key in keys if number_of(key) is None]):
        store.delete(part)
    return len(raw) + len(keys)


def _settled(compacted: CompactedDay, now_unix: float) -> bool:
    info = compacted.manifest_info
    return info is not None and now_unix - info.modified_unix > GRACE_S


def _orphans(store: ObjectStore, compacted: CompactedDay, now_unix: float) -> list[str]:
    """Return superseded manifests, then files that no manifest names, all older than the grace."""
    newest = compacted.manifest_info
    old = [info for info in compacted.listing if now_unix - info.modified_unix > GRACE_S]
    manifests = [info.key for info in compacted.listing if number_of(info.key) is not None]
    superseded: list[str] = []
    if newest is not None and _settled(compacted, now_unix):
        superseded = sorted(key for key in manifests if key < newest.key)
    kept = [compacted.manifest] if compacted.manifest else []
    for key in manifests:
        if key not in superseded and (newest is None or key != newest.key):
            manifest = read_manifest(store, key)
            if manifest is None:
                return []  # what it names cannot be told
            kept.append(manifest)
    named = {manifest.key_of(one) for manifest in kept for one in manifest.files}
    return [
        *superseded,
        *(info.key for info in old if number_of(info.key) is None and info.key not in named),
    ]


def _broken(store: ObjectStore, manifest: Manifest) -> str:
    """Say which file of a manifest is not there, byte for byte; empty if all are."""
    for one in manifest.files:
        try:
            content = store.get(manifest.key_of(one))
        except ObjectMissingError:
            return f"{one.name} is missing"
        if hashlib.sha256(content).hexdigest() != one.sha256:
            return f"{one.name} is damaged"
    return ""


def totals(tidied: Iterable[Tidied]) -> Tidied:
    """Return the sum over days; ``held`` is the first reason."""
    found = list(tidied)
    return Tidied(
        raw=sum(one.raw for one in found),
        orphans=sum(one.orphans for one in found),
        expired=sum(one.expired for one in found),
        held=next((one.held for one in found if one.held), ""),
    )
