"""Manifests: which objects a compacted day is made of, and which Parquet files it is.

A manifest is written last, under the next free number, and never changed. Readers trust the newest one
that they can read; a Parquet file that it does not name is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import msgspec

from garnet_cli.errors import GarnetError
from node_scripts.decoding import decode
from node_scripts.store.layout import compacted_prefix
from node_scripts.store.objects import ObjectInfo, ObjectMissingError, ObjectStore

MANIFEST_SCHEMA = 1
NAME = re.compile(r"manifest-(\d{6})\.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetFile:
    """One Parquet file of a day."""

    name: str
    """Its key's last part: ``<table>-<digest>.parquet``."""
    table: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One generation of a compacted day."""

    schema: int = MANIFEST_SCHEMA
    fleet: str
    date: date
    number: int
    written_unix: float
    inputs: dict[str, list[str]] = field(default_factory=dict)
    """Folder of keys (with its slash) to the names in it: raw objects whose rows are in ``files``."""
    set_aside: dict[str, str] = field(default_factory=dict)
    """Key to reason, of raw objects that cannot be read; they are kept as they are."""
    files: list[ParquetFile] = field(default_factory=list)

    def keys(self) -> set[str]:
        """Return the keys of the inputs and of what is set aside: all that is not to be read again."""
        return {*self.input_keys(), *self.set_aside}

    def input_keys(self) -> set[str]:
        """Return the keys of the inputs."""
        return {folder + name for folder, names in self.inputs.items() for name in names}

    def of_table(self, table: str) -> list[ParquetFile]:
        """Return the files of one table."""
        return [one for one in self.files if one.table == table]

    def key_of(self, one: ParquetFile) -> str:
        """Return the key of one of the files."""
        return compacted_prefix(self.fleet, self.date) + one.name


@dataclass(frozen=True, kw_only=True, slots=True)
class CompactedDay:
    """What lies in the folder of one compacted day."""

    day: date
    manifest: Manifest | None
    """The newest readable one."""
    manifest_info: ObjectInfo | None
    listing: Sequence[ObjectInfo]
    unreadable: Sequence[str]
    """Keys of newer manifests that cannot be read; while there is one, nothing of the day is deleted."""

    @property
    def next_number(self) -> int:
        """Return the number of the next generation."""
        return max((number_of(info.key) or 0 for info in self.listing), default=0) + 1


def manifest_key(fleet: str, day: date, number: int) -> str:
    """Return a manifest's key."""
    return f"{compacted_prefix(fleet, day)}manifest-{number:06d}.json"


def number_of(key: str) -> int | None:
    """Return the number in a manifest's key; ``None`` for another key."""
    found = NAME.fullmatch(key.rpartition("/")[2])
    return int(found[1]) if found else None


def grouped(keys: Iterable[str]) -> dict[str, list[str]]:
    """Return keys as ``Manifest.inputs`` holds them, in order."""
    folders: dict[str, list[str]] = {}
    for key in sorted(keys):
        folder, slash, name = key.rpartition("/")
        folders.setdefault(folder + slash, []).append(name)
    return folders


def encoded(manifest: Manifest) -> bytes:
    """Return a manifest as JSON."""
    return msgspec.json.encode(manifest)


def read_day(
    store: ObjectStore, fleet: str, day: date, listing: Sequence[ObjectInfo] | None = None
) -> CompactedDay:
    """Read a day's newest readable manifest; ``listing`` saves the listing where it is known.

    Raises GarnetError for a manifest of a newer Garnet.
    """
    found = list(store.list(compacted_prefix(fleet, day))) if listing is None else listing
    manifests = [info for info in found if number_of(info.key) is not None]
    unreadable: list[str] = []
    for info in sorted(manifests, key=lambda one: one.key, reverse=True):
        manifest = read_manifest(store, info.key)
        if manifest is not None:
            return CompactedDay(
                day=day, manifest=manifest, manifest_info=info, listing=found, unreadable=unreadable
            )
        unreadable.append(info.key)
    return CompactedDay(day=day, manifest=None, manifest_info=None, listing=found, unreadable=unreadable)


def read_manifest(store: ObjectStore, key: str) -> Manifest | None:
    """Return a manifest; ``None`` for a broken one. Raises GarnetError for one of a newer Garnet."""
    try:
        content = store.get(key)
        schema = decode(content, dict[str, msgspec.Raw]).get("schema", msgspec.Raw(b"0"))
        if decode(schema, int) > MANIFEST_SCHEMA:
            raise GarnetError(f"{key} was written by a newer garnet", remedy="update garnet on this machine")
        manifest = decode(content, Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, ObjectMissingError):
        return None
    named = manifest_key(manifest.fleet, manifest.date, manifest.number)
    return manifest if named == key else None
