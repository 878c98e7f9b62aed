"""Keeps what is to be stored until the spool has it: through a full disk and a damaged spool."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from node_scripts.monitor.minute_merge import merge_minutes
from node_scripts.monitor.sealed import Sealing
from node_scripts.monitor.spool import Spool
from node_scripts.monitor.spool_recovery import Damage, open_spool, replace_spool
from node_scripts.monitor.spool_schema import SpoolCorruptError, SpoolFullError
from node_scripts.records import Event, Minute

MOST_MINUTES = 120
"""Sealed minutes kept in memory while nothing can be written; beyond it the oldest two become one."""
MOST_EVENTS = 2000

_LOG = logging.getLogger("garnet.monitor.spool")


@dataclass(slots=True)
class Keeper:
    """The spool, and what it has not taken yet."""

    path: Path
    limit_bytes: int
    clock: Callable[[], float]
    """Seconds since the epoch."""
    spool: Spool = field(init=False)
    damages: list[Damage] = field(default_factory=list)
    """Not told yet."""
    dropped: int = 0
    """Minutes given up for the spool's limit, not counted yet."""
    events_dropped: int = 0
    failing: str = ""
    """Why the spool cannot be written; empty while it can."""
    _pending: Sealing = field(default_factory=Sealing)
    _sealed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Open the spool. Raises SpoolFullError, OSError."""
        self.spool, damage = open_spool(self.path, self.limit_bytes, self.clock())
        if damage is not None:
            self.damages.append(damage)

    def configure(self, limit_bytes: int) -> None:
        """Take another limit."""
        self.limit_bytes = self.spool.limit_bytes = limit_bytes

    def add(self, sealing: Sealing) -> None:
        """Take over what is to be stored."""
        pending = self._pending
        self._add_minutes(sealing.minutes)
        pending.events += sealing.events
        excess = len(pending.events) - MOST_EVENTS
        if excess > 0:
            del pending.events[:excess]
            self.events_dropped += excess
        for journal, files in sealing.positions.items():
            pending.positions.setdefault(journal, {}).update(files)
        for journal, names in sealing.gone.items():
            pending.gone.setdefault(journal, []).extend(names)
        pending.state.update(sealing.state)

    def _add_minutes(self, minutes: list[Minute]) -> None:
        kept = self._pending.minutes
        known = {minute.minute_unix: minute for minute in kept}
        for minute in minutes:
            before = known.get(minute.minute_unix)
            if before is None:
                kept.append(minute)
                known[minute.minute_unix] = minute
            else:
                merge_minutes(before, minute)
            self._sealed.add(minute.minute_unix)
        while len(kept) > MOST_MINUTES:
            kept.sort(key=lambda minute: minute.minute_unix)
            merge_minutes(kept[0], kept.pop(1))

    @property
    def events(self) -> list[Event]:
        """Return the events that wait to be stored."""
        return self._pending.events

    def is_sealed(self, minute_unix: int) -> bool:
        """Say whether a part of this minute was sealed, stored or not."""
        if minute_unix in self._sealed:
            return True
        try:
            return self.spool.is_sealed(minute_unix)
        except SpoolFullError:
            return False
        except SpoolCorruptError as error:
            self.replace(str(error))
            return False

    def waiting(self) -> tuple[int, int] | None:
        """Return how many minutes wait to be shipped, and their bytes; ``None`` if that cannot be read."""
        try:
            return self.spool.waiting()
        except SpoolFullError as error:
            self._note_failure(str(error))
        except SpoolCorruptError as error:
            self.replace(str(error))
        return None

    def positions(self) -> dict[str, dict[str, int]]:
        """Return how far the journals are stored; nothing if that cannot be read."""
        try:
            return self.spool.positions()
        except SpoolFullError as error:
            self._note_failure(str(error))
        except SpoolCorruptError as error:
            self.replace(str(error))
        return {}

    def store(self) -> bool:
        """Store all that waits; say whether nothing waits any more."""
        try:
            try:
                self.dropped += self.spool.seal(self._pending)
            except SpoolCorruptError as error:
                self._replace(str(error))
                self.dropped += self.spool.seal(self._pending)
        except (SpoolFullError, SpoolCorruptError, OSError) as error:
            self._note_failure(str(error))
            return False
        self.events_dropped += self.spool.events_dropped
        self.spool.events_dropped = 0
        self._pending = Sealing()
        self._sealed.clear()
        if self.failing:
            _LOG.info("the spool is written again")
        self.failing = ""
        return True

    def replace(self, why: str) -> None:
        """Begin a new spool in place of a damaged one; what was kept in memory stays there."""
        try:
            self._replace(why)
        except (SpoolFullError, SpoolCorruptError, OSError) as error:
            self._note_failure(str(error))

    def _replace(self, why: str) -> None:
        self.spool.close()
        self.spool, damage = replace_spool(self.path, self.limit_bytes, self.clock(), why)
        self.damages.append(damage)

    def _note_failure(self, why: str) -> None:
        if not self.failing:
            _LOG.error("the spool cannot be written: %s; minutes are kept in memory", why)
        self.failing = why
