"""Read what nodes shipped: raw minutes and batches of events, of this and of older schemas."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from garnet_cli.errors import GarnetError
from garnet_cli.store.fetch import fetch_each
from node_scripts.decoding import decode
from node_scripts.records import RECORD_SCHEMA, Event, Minute
from node_scripts.store.layout import parse_minute_key
from node_scripts.store.objects import ObjectStore

MAX_BYTES = 64 * 1024 * 1024
"""Most that one object may unpack to: a minute of 64 models takes some 100 KB."""

GZIP = 16 + zlib.MAX_WBITS

Upgrader = Callable[[dict[str, Any]], dict[str, Any]]
Record = TypeVar("Record", Minute, Event)
Found = TypeVar("Found")

MINUTE_UPGRADERS: dict[int, Upgrader] = {}
"""By schema n: makes a minute of schema n + 1 of one of schema n. Schema 1 is the first."""

EVENT_UPGRADERS: dict[int, Upgrader] = {}
"""Likewise for events."""


class CorruptObjectError(Exception):
    """An object is not what its key says; its text is the reason."""


class NewerRecordError(GarnetError):
    """A record was written by a newer Garnet than this one."""


@dataclass(frozen=True, kw_only=True)
class _Versioned:
    schema: int = RECORD_SCHEMA


_VERSION = msgspec.json.Decoder(_Versioned)
_MINUTE = msgspec.json.Decoder(Minute)
_EVENT = msgspec.json.Decoder(Event)


def read_minute(key: str, content: bytes, upgraders: Mapping[int, Upgrader] = MINUTE_UPGRADERS) -> Minute:
    """Decode the object of one minute, whatever schema up to RECORD_SCHEMA it has.

    Raises CorruptObjectError for what cannot be read or contradicts its key, NewerRecordError for a
    schema of a later Garnet.
    """
    minute = _decode(key, unpacked(content), Minute, upgraders)
    named = parse_minute_key(key)
    said = (minute.fleet, minute.node, minute.minute_unix, minute.part)
    if named is None or said != (named.fleet, named.node, named.minute_unix, named.part):
        raise CorruptObjectError(f"it holds minute {minute.minute_unix}-{minute.part} of {minute.node}")
    return minute


def read_event_batch(
    key: str, content: bytes, upgraders: Mapping[int, Upgrader] = EVENT_UPGRADERS
) -> list[Event]:
    """Decode a batch of events, one a line. Raises as ``read_minute``."""
    lines = unpacked(content).splitlines()
    return [_decode(key, line, Event, upgraders) for line in lines if line.strip()]


def read_each(
    store: ObjectStore, keys: Sequence[str], read: Callable[[str, bytes], Found], set_aside: dict[str, str]
) -> Iterator[Found]:
    """Yield what ``read`` makes of each object, in order, fetching several at once.

    One that cannot be read is noted in ``set_aside`` by key with the reason. Raises StoreError and
    NewerRecordError.
    """

    def attempt(key: str, content: bytes) -> Found | CorruptObjectError:
        try:
            return read(key, content)
        except CorruptObjectError as error:
            return error

    for key, found in zip(keys, fetch_each(store, keys, attempt), strict=True):
        if isinstance(found, CorruptObjectError):
            set_aside[key] = str(found)
        else:
            yield found


def unpacked(content: bytes) -> bytes:
    """Return what a gzip file holds. Raises CorruptObjectError for a broken, cut or huge one."""
    machine = zlib.decompressobj(GZIP)
    try:
        plain = machine.decompress(content, MAX_BYTES)
    except zlib.error as error:
        raise CorruptObjectError(f"not gzip: {error}") from error
    if not machine.eof:
        raise CorruptObjectError("cut short, or too large")
    return plain


def _decode(key: str, text: bytes, kind: type[Record], upgraders: Mapping[int, Upgrader]) -> Record:
    try:
        schema = _VERSION.decode(text).schema
        if schema == RECORD_SCHEMA:
            decoder: Any = _MINUTE if kind is Minute else _EVENT
            return decoder.decode(text)  # type: ignore[no-any-return]
        if schema > RECORD_SCHEMA:
            raise NewerRecordError(
                f"{key} has schema {schema}, this garnet reads up to {RECORD_SCHEMA}",
                remedy="update garnet on this machine",
            )
        record = decode(text, dict[str, Any])
        for version in range(schema, RECORD_SCHEMA):
            if version not in upgraders:
                raise CorruptObjectError(f"there was no schema {version}")
            record = {**upgraders[version](record), "schema": version + 1}
        # By way of JSON: there a histogram's bucket is a key of text, as in what was shipped.
        return decode(msgspec.json.encode(record), kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptObjectError(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptObjectError(f"not of the schema that it claims: {error!r}") from error
