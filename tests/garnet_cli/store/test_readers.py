"""Reading raw objects: older schemas are upgraded, newer refused, broken ones told apart."""

from __future__ import annotations

import gzip
from typing import Any

import msgspec
import pytest

from garnet_cli.store.readers import CorruptObjectError, NewerRecordError, read_event_batch, read_minute
from node_scripts.store.layout import minute_key
from tests.garnet_cli.store.shipped import DAY, FLEET, event, minute

KEY = minute_key(FLEET, "mini-1", DAY)
EVENTS = f"fleets/{FLEET}/events/date=2025-11-21/node=mini-1/x.jsonl.gz"


def packed(record: Any) -> bytes:
    """Return a record as it is shipped."""
    return gzip.compress(msgspec.json.encode(record), mtime=0)


def test_a_minute_comes_back() -> None:
    """As it was sealed."""
    assert read_minute(KEY, packed(minute())) == minute()


def test_a_record_of_an_older_schema_goes_through_the_upgraders() -> None:
    """A schema 0 that named the node ``host`` and counted coverage in milliseconds."""
    old = msgspec.to_builtins(minute())
    old["host_name"], old["covered_ms"], old["schema"] = old.pop("node"), 60_000, 0
    del old["covered_s"]

    def upgrade(record: dict[str, Any]) -> dict[str, Any]:
        renamed = {**record, "node": record["host_name"], "covered_s": record["covered_ms"] / 1000}
        del renamed["host_name"], renamed["covered_ms"]
        return renamed

    assert read_minute(KEY, packed(old), {0: upgrade}) == minute()
    with pytest.raises(CorruptObjectError, match="no schema 0"):
        read_minute(KEY, packed(old))
    with pytest.raises(CorruptObjectError, match="not of the schema that it claims"):
        read_minute(KEY, packed({"schema": 0}), {0: upgrade})


def test_fields_that_a_later_version_added_are_left_out() -> None:
    """Schema 1 may grow fields: an older garnet still reads the rest."""
    assert read_minute(KEY, packed({**msgspec.to_builtins(minute()), "later": 1})) == minute()


def test_a_newer_schema_is_refused_with_a_remedy() -> None:
    """Never read half."""
    with pytest.raises(NewerRecordError, match=r"has schema 7, .*; update garnet"):
        read_minute(KEY, packed({"schema": 7}))
    with pytest.raises(NewerRecordError):
        read_event_batch(EVENTS, packed({"schema": 7}))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip",
        packed(minute())[:-20],
        gzip.compress(b"", mtime=0),
        gzip.compress(b"[]", mtime=0),
        gzip.compress(b'{"schema": "x"}', mtime=0),
        gzip.compress(b'{"schema": 1}', mtime=0),
        gzip.compress(b'{"schema": -1}', mtime=0),
        gzip.compress(b"\xff\xfe", mtime=0),
        gzip.compress(b"[" * 100_000, mtime=0),
        packed(minute(node="mini-2")),
        packed(minute(begin=DAY + 60)),
        packed(minute(part=1)),
    ],
)
def test_what_cannot_be_read_or_contradicts_its_key_is_corrupt(content: bytes) -> None:
    """One error with a reason, whatever it is."""
    with pytest.raises(CorruptObjectError, match=r"\w"):
        read_minute(KEY, content)


def test_a_batch_of_events_comes_back() -> None:
    """One a line."""
    events = [event(DAY + number) for number in range(3)]
    lines = b"\n".join(msgspec.json.encode(one) for one in events)
    assert read_event_batch(EVENTS, gzip.compress(lines)) == events
    with pytest.raises(CorruptObjectError):
        read_event_batch(EVENTS, gzip.compress(lines + b"\n{"))


def test_an_object_that_unpacks_to_too_much_is_corrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb does not fill the memory."""
    monkeypatch.setattr("garnet_cli.store.readers.MAX_BYTES", 1000)
    with pytest.raises(CorruptObjectError, match="too large"):
        read_minute(KEY, gzip.compress(b" " * 1_000_000))
