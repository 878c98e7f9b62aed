"""What was sealed and waits to be shipped: SQLite, in WAL mode, each transaction on disk before it counts.

One transaction holds a minute, its events, and how far the journals were read for it: whatever is killed
when, each line counts once. A minute is never changed after it was sealed; one sealed again is another part.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from node_scripts.files import write_atomically
from node_scripts.monitor.sealed import COPY_NAME, Copy, Row, Sealing, decode_minute, encode_minute
from node_scripts.monitor.spool_schema import SpoolFullError, open_database, translated
from node_scripts.records import Event, Minute
from node_scripts.store.layout import events_key, minute_key

BATCH_EVENTS = 2000
"""Most events in one shipped object."""
MOST_EVENTS = 100_000
"""Most events that wait to be shipped; beyond it the oldest are given up."""
KEEP_SEALED_S = 40 * 86400
"""How long it is remembered which parts of a minute there are."""


class Spool:
    """One node's spool, for several threads.

    Every method may raise SpoolFullError (it could not be written, nothing was changed) or SpoolCorruptError.
    """

    def __init__(self, path: Path, limit_bytes: int, now_unix: float) -> None:
        """Open ``path``, making it if it is not there."""
        self._path = path
        self.limit_bytes = limit_bytes
        self._least_seals = 0
        self.events_dropped = 0
        """Events given up for their limit; who counts them takes them off."""
        self.copy_error = ""
        """Why the copy beside it is an old one; empty while it is not."""
        self._lock = threading.RLock()
        self._closed = False
        self._database = open_database(path, now_unix)
        with self._transaction() as database:
            created = database.execute("SELECT value FROM facts WHERE key='created'").fetchone()
        self._created_unix = float(created[0]) if created else now_unix

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            self._database.close()

    def seals(self) -> int:
        """Return how often it was written."""
        with self._transaction() as database:
            found = database.execute("SELECT value FROM facts WHERE key='seals'").fetchone()
        return int(found[0]) if found else 0

    def count_from(self, seals: int) -> None:
        """Count on from what was counted in the spool before this one."""
        self._least_seals = seals

    # --- sealing ----------------------------------------------------------------------------

    def seal(self, sealing: Sealing) -> int:
        """Store all of it or nothing; return how many old minutes were given up for it (the limit)."""
        events_dropped = 0
        with self._transaction() as database:
            for minute in sealing.minutes:
                self._insert(database, minute)
            database.executemany(
                "INSERT OR IGNORE INTO events(id, time, line) VALUES(?,?,?)",
                [(one.id, one.time_unix, msgspec.json.encode(one)) for one in sealing.events],
            )
            for journal, files in sealing.positions.items():
                database.executemany(
                    "INSERT INTO positions(journal, file, offset) VALUES(?,?,?) "
                    "ON CONFLICT(journal, file) DO UPDATE SET offset=excluded.offset",
                    [(journal, file, offset) for file, offset in files.items()],
                )
            for journal, names in sealing.gone.items():
                database.executemany(
                    "DELETE FROM positions WHERE journal=? AND file=?", [(journal, name) for name in names]
                )
            database.executemany(
                "INSERT INTO state(key, value) VALUES(?,?) "
                "ON CONFLICT(key) DO UPDATE SET value=excluded.value",
                list(sealing.state.items()),
            )
            dropped = self._drop_oldest(database)
            if sealing.minutes:
                newest = max(minute.minute_unix for minute in sealing.minutes)
                database.execute("DELETE FROM sealed WHERE minute<?", (newest - KEEP_SEALED_S,))
                events_dropped = _drop_events(database)
            database.execute("UPDATE facts SET value=MAX(value, ?)+1 WHERE key='seals'", (self._least_seals,))
            copy = Copy(self.positions(), self.waiting()[0], self.state(), self.seals())
        self.events_dropped += events_dropped
        self._write_copy(copy)
        return dropped

    def _insert(self, database: sqlite3.Connection, minute: Minute) -> None:
        found = database.execute("SELECT parts FROM sealed WHERE minute=?", (minute.minute_unix,)).fetchone()
        part = int(found[0]) if found else 0
        unsure = found is None and minute.minute_unix <= self._created_unix
        self._insert_part(database, replace(minute, part=part), unsure=unsure)

    def _insert_part(self, database: sqlite3.Connection, minute: Minute, *, unsure: bool) -> None:
        body = encode_minute(minute)
        key = minute_key(minute.fleet, minute.node, minute.minute_unix, minute.part)
        database.execute(
            "INSERT INTO minutes(minute, part, key, body, size, unsure) VALUES(?,?,?,?,?,?)",
            (minute.minute_unix, minute.part, key, body, len(body), unsure),
        )
        database.execute(
            "INSERT INTO sealed(minute, parts) VALUES(?,?) "
            "ON CONFLICT(minute) DO UPDATE SET parts=MAX(parts, excluded.parts)",
            (minute.minute_unix, minute.part + 1),
        )

    def _drop_oldest(self, database: sqlite3.Connection) -> int:
        dropped = 0
        total = _total(database)
        while total > self.limit_bytes:
            row = database.execute(
                "SELECT serial, size FROM minutes ORDER BY minute, part LIMIT 1"
            ).fetchone()
            if row is None:
                break
            database.execute("DELETE FROM minutes WHERE serial=?", (row[0],))
            total -= row[1]
            dropped += 1
        return dropped

    def is_sealed(self, minute_unix: int) -> bool:
        """Say whether a part of this minute was sealed before."""
        with self._transaction() as database:
            found = database.execute("SELECT 1 FROM sealed WHERE minute=?", (minute_unix,)).fetchone()
        return found is not None

    # --- shipping ---------------------------------------------------------------------------

    def last_serial(self) -> int:
        """Return the serial of the minute that was sealed last; 0 of none waiting."""
        with self._transaction() as database:
            found = database.execute("SELECT MAX(serial) FROM minutes").fetchone()
        return int(found[0] or 0)

    def newest(self, after_serial: int) -> Row | None:
        """Return the newest minute that was sealed after another one was."""
        return self._row("WHERE serial>? ORDER BY minute DESC, part DESC LIMIT 1", (after_serial,))

    def oldest(self) -> Row | None:
        """Return the oldest minute."""
        return self._row("ORDER BY minute, part LIMIT 1", ())

    def _row(self, clause: str, values: tuple[int, ...]) -> Row | None:
        with self._transaction() as database:
            found = database.execute(
                f"SELECT serial, key, body, minute, unsure FROM minutes {clause}",  # noqa: S608 -- fixed text
                values,
            ).fetchone()
        return None if found is None else Row(found[0], found[1], found[2], found[3], bool(found[4]))

    def delivered(self, row: Row) -> None:
        """Forget a minute that lies in the store."""
        with self._transaction() as database:
            database.execute("DELETE FROM minutes WHERE serial=?", (row.serial,))
            database.execute("PRAGMA incremental_vacuum(64)").fetchall()

    def renumber(self, row: Row) -> None:
        """Make a minute the next part: another one lies in the store under its key."""
        minute = decode_minute(row.body)
        with self._transaction() as database:
            found = database.execute("SELECT parts FROM sealed WHERE minute=?", (row.minute_unix,)).fetchone()
            part = max(minute.part + 1, int(found[0]) if found else 0)
            database.execute("DELETE FROM minutes WHERE serial=?", (row.serial,))
            self._insert_part(database, replace(minute, part=part), unsure=row.unsure)

    def remove_garbled(self, row: Row) -> None:
        """Set a minute that cannot be read aside as a file, the last of its kind."""
        with self._transaction() as database:
            database.execute("DELETE FROM minutes WHERE serial=?", (row.serial,))
        with suppress(OSError):
            write_atomically(self._path.parent / "garbled-minute", row.body)

    def seal_batch(self) -> bool:
        """Make one shippable object of events that wait; say whether there may be more.

        It is stored first, so that a resend has the same key and bytes.
        """
        with self._transaction() as database:
            found = database.execute(
                "SELECT id, time, line FROM events ORDER BY id LIMIT ?", (BATCH_EVENTS,)
            ).fetchall()
            if not found:
                return False
            first = json.loads(found[0][2])
            body = gzip.compress(b"".join(line + b"\n" for _, _, line in found), mtime=0)
            key = events_key(first["fleet"], first["node"], found[0][1], found[0][0])
            database.execute("INSERT INTO batches(key, body, size) VALUES(?,?,?)", (key, body, len(body)))
            database.executemany(
                "DELETE FROM events WHERE id=?", [(identifier,) for identifier, _, _ in found]
            )
        return len(found) == BATCH_EVENTS

    def batches(self) -> list[tuple[str, bytes]]:
        """Return the key and body of some sealed batches of events, oldest first."""
        with self._transaction() as database:
            return database.execute("SELECT key, body FROM batches ORDER BY rowid LIMIT 16").fetchall()

    def batch_delivered(self, key: str) -> None:
        """Forget a batch that lies in the store."""
        with self._transaction() as database:
            database.execute("DELETE FROM batches WHERE key=?", (key,))

    # --- what it holds ----------------------------------------------------------------------

    def waiting(self) -> tuple[int, int]:
        """Return how many minutes wait, and the bytes of all that waits."""
        with self._transaction() as database:
            count = database.execute("SELECT COUNT(*) FROM minutes").fetchone()[0]
            return int(count), _total(database)

    def positions(self) -> dict[str, dict[str, int]]:
        """Return how far each journal was read, by journal and file."""
        with self._transaction() as database:
            rows = database.execute("SELECT journal, file, offset FROM positions").fetchall()
        found: dict[str, dict[str, int]] = {}
        for journal, file, offset in rows:
            found.setdefault(journal, {})[file] = offset
        return found

    def state(self) -> dict[str, bytes]:
        """Return what the monitor's parts go on from."""
        with self._transaction() as database:
            return dict(database.execute("SELECT key, value FROM state").fetchall())

    def _write_copy(self, copy: Copy) -> None:
        """Replace the copy. What it is a copy of is stored already: its own failure is none of that."""
        try:
            write_atomically(self._path.parent / COPY_NAME, msgspec.json.encode(copy))
        except OSError as error:
            self.copy_error = error.strerror or str(error)
        else:
            self.copy_error = ""

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated():
            if self._closed:
                raise SpoolFullError("the spool is closed")
            if self._database.in_transaction:
                yield self._database
                return
            with self._database:
                self._database.execute("BEGIN")
                yield self._database


def insert_salvaged(spool: Spool, minutes: Iterable[Minute], events: Sequence[Event]) -> None:
    """Take over what could be read of a damaged spool, under the parts that it had."""
    with spool._transaction() as database:  # noqa: SLF001 -- of the same module
        for minute in minutes:
            spool._insert_part(database, minute, unsure=True)  # noqa: SLF001 -- likewise
        database.executemany(
            "INSERT OR IGNORE INTO events(id, time, line) VALUES(?,?,?)",
            [(one.id, one.time_unix, msgspec.json.encode(one)) for one in events],
        )


def _drop_events(database: sqlite3.Connection) -> int:
    excess = int(database.execute("SELECT COUNT(*) FROM events").fetchone()[0]) - MOST_EVENTS
    if excess <= 0:
        return 0
    database.execute("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?)", (excess,))
    return excess


def _total(database: sqlite3.Connection) -> int:
    minutes, batches = (
        database.execute(f"SELECT COALESCE(SUM(size), 0) FROM {table}").fetchone()[0]  # noqa: S608 -- fixed
        for table in ("minutes", "batches")
    )
    return int(minutes) + int(batches)
