"""Opens the spool; sets a damaged one aside and goes on with what can still be read of it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from node_scripts.decoding import decode
from node_scripts.monitor.sealed import Sealing, decode_minute, read_copy
from node_scripts.monitor.spool import Spool, insert_salvaged
from node_scripts.monitor.spool_schema import SpoolCorruptError
from node_scripts.records import Event, Minute

KEPT = 2
"""How many damaged spools are kept for a look at them."""
_SIDES = ("", "-wal", "-shm")


@dataclass(kw_only=True, slots=True)
class Damage:
    """What a damaged spool has cost."""

    why: str
    set_aside: str
    saved: int = 0
    lost: int | None = None
    """Minutes that waited and could not be read; ``None`` is unknown."""


@dataclass(kw_only=True, slots=True)
class _Salvage:
    minutes: list[Minute] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    positions: dict[str, dict[str, int]] = field(default_factory=dict)
    state: dict[str, bytes] = field(default_factory=dict)


def open_spool(path: Path, limit_bytes: int, now_unix: float) -> tuple[Spool, Damage | None]:
    """Return the spool, a new one where it is damaged. Raises SpoolFullError, OSError."""
    try:
        spool = Spool(path, limit_bytes, now_unix)
        seals = spool.seals()
    except SpoolCorruptError as error:
        return replace_spool(path, limit_bytes, now_unix, str(error))
    copy = read_copy(path)
    if copy is None or copy.seals <= seals:
        return spool, None
    spool.close()
    return replace_spool(path, limit_bytes, now_unix, "it is older than what was stored last, or new")


def replace_spool(path: Path, limit_bytes: int, now_unix: float, why: str) -> tuple[Spool, Damage]:
    """Set the damaged spool aside, and begin a new one with what can be read. Raises SpoolFullError, OSError.

    How far the journals were read comes from the damaged spool or from the copy beside it, whichever is
    further, so that no request counts twice.
    """
    copy = read_copy(path)
    aside = _set_aside(path, now_unix)
    salvage = _read_all(aside)
    spool = Spool(path, limit_bytes, now_unix)
    positions = salvage.positions
    for journal, files in (copy.positions if copy else {}).items():
        known = positions.setdefault(journal, {})
        for file, offset in files.items():
            known[file] = max(offset, known.get(file, 0))
    insert_salvaged(spool, salvage.minutes, salvage.events)
    spool.count_from(copy.seals if copy else 0)
    spool.seal(Sealing(positions=positions, state=copy.state if copy else salvage.state))
    lost = max(0, copy.waiting - len(salvage.minutes)) if copy else None
    return spool, Damage(why=why, set_aside=aside.name, saved=len(salvage.minutes), lost=lost)


def _set_aside(path: Path, now_unix: float) -> Path:
    aside = path.with_name(f"{path.stem}.corrupt-{int(now_unix)}")
    number = 0
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}.corrupt-{int(now_unix)}-{number}")
    for side in _SIDES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(aside.with_name(aside.name + side))
    old = [one for one in path.parent.glob(f"{path.stem}.corrupt-*") if not one.name.endswith(_SIDES[1:])]
    for one in sorted(old, key=lambda one: one.stat().st_mtime)[:-KEPT]:
        for side in _SIDES:
            one.with_name(one.name + side).unlink(missing_ok=True)
    return aside


def _read_all(path: Path) -> _Salvage:
    salvage = _Salvage()
    try:
        database = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error:
        return salvage
    with contextlib.closing(database):
        for (body,) in _rows(database, "SELECT body FROM minutes WHERE serial=?", "minutes", "serial"):
            with contextlib.suppress(ValueError, TypeError):
                salvage.minutes.append(decode_minute(body))
        for (line,) in _rows(database, "SELECT line FROM events WHERE rowid=?", "events", "rowid"):
            with contextlib.suppress(msgspec.MsgspecError, TypeError):
                salvage.events.append(decode(line, Event))
        statement = "SELECT journal, file, offset FROM positions WHERE rowid=?"
        for journal, file, offset in _rows(database, statement, "positions", "rowid"):
            if isinstance(journal, str) and isinstance(file, str) and isinstance(offset, int):
                salvage.positions.setdefault(journal, {})[file] = offset
        for key, value in _rows(database, "SELECT key, value FROM state WHERE rowid=?", "state", "rowid"):
            with contextlib.suppress(ValueError, TypeError):
                json.loads(value)
                salvage.state[str(key)] = bytes(value)
    known: dict[tuple[int, int], Minute] = {(one.minute_unix, one.part): one for one in salvage.minutes}
    salvage.minutes = list(known.values())
    return salvage


def _rows(database: sqlite3.Connection, statement: str, table: str, column: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows that can be read one by one; damage to one page costs what lies on it."""
    serials: list[int] = []
    for order in ("ASC", "DESC"):
        try:
            found = database.execute(
                f"SELECT {column} FROM {table} ORDER BY {column} {order}"  # noqa: S608 -- fixed names
            )
            serials += [row[0] for row in found]
        except sqlite3.Error:
            continue
    for serial in dict.fromkeys(serials):
        try:
            row = database.execute(statement, (serial,)).fetchone()
        except sqlite3.Error:
            continue
        if row is not None:
            yield row
