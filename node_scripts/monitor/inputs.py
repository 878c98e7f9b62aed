"""Reads what other processes tell the monitor: the request journal and the event journal."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from node_scripts.monitor.journals import JournalReader, Line, set_aside
from node_scripts.monitor.ledger import Entry
from node_scripts.monitor.minute_builder import is_sound
from node_scripts.paths import NodePaths
from node_scripts.records import RECORD_SCHEMA, Event, RequestRecord

REQUESTS = "requests"
EVENTS = "events"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LOG = logging.getLogger("garnet.monitor.journals")


@dataclass(frozen=True, slots=True)
class NewEvents:
    """New lines of the event journal."""

    events: list[Event]
    positions: dict[str, int]
    corrupt: int


class Inputs:
    """Both journals of one node. A line that cannot be read is set aside and counted, never shown."""

    def __init__(self, paths: NodePaths, positions: dict[str, dict[str, int]]) -> None:
        """Go on from ``positions``, by journal and file."""
        self._requests = JournalReader(paths.request_journal, dict(positions.get(REQUESTS, {})))
        self._events = JournalReader(paths.event_journal, dict(positions.get(EVENTS, {})))
        self._aside: Path = paths.spool / "unreadable-lines"
        self._records = msgspec.json.Decoder(RequestRecord)
        self._lines = msgspec.json.Decoder(Event)

    def requests(self) -> list[Entry]:
        """Return the new lines of the request journal. Raises OSError."""
        entries = []
        bad = []
        for line in self._requests.read():
            record = self._record(line)
            if record is None:
                bad.append(line.content)
            entries.append(Entry(line.file, line.end, record))
        self._set_aside(bad)
        return entries

    def _record(self, line: Line) -> RequestRecord | None:
        if not line.whole:
            return None
        try:
            record = self._records.decode(line.content)
        except msgspec.MsgspecError:
            return None
        return record if is_sound(record) else None

    def events(self) -> NewEvents:
        """Return the new lines of the event journal. Raises OSError."""
        events, bad = [], []
        for line in self._events.read():
            event = self._event(line)
            if event is None:
                bad.append(line.content)
            else:
                events.append(event)
        self._set_aside(bad)
        return NewEvents(events, dict(self._events.positions), len(bad))

    def _event(self, line: Line) -> Event | None:
        if not line.whole:
            return None
        try:
            event = self._lines.decode(line.content)
        except msgspec.MsgspecError:
            return None
        # Both become parts of a key in the store.
        named = _NAME.fullmatch(event.fleet) and _NAME.fullmatch(event.node)
        return event if named and event.schema <= RECORD_SCHEMA else None

    def _set_aside(self, bad: list[bytes]) -> None:
        if not bad:
            return
        _LOG.warning("%d unreadable lines are set aside in %s", len(bad), self._aside.name)
        try:
            set_aside(self._aside, bad)
        except OSError as error:
            _LOG.error("they could not be kept: %s", error.strerror)

    def remove_stored(self, stored: dict[str, dict[str, int]]) -> dict[str, list[str]]:
        """Remove files of which all is stored; return the names of those that are no more, by journal."""
        return {
            name: gone
            for name, reader in ((REQUESTS, self._requests), (EVENTS, self._events))
            if (gone := reader.remove_stored(stored.get(name, {})))
        }
