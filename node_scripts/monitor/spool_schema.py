"""The spool's file: its tables, how it is opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPOOL_SCHEMA = 1
_BUSY_S = 10.0
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}
"""SQLITE_ERROR: a table is not there; SQLITE_MISMATCH: a value is not of its kind."""

_TABLES = """
CREATE TABLE facts(key TEXT PRIMARY KEY, value);
CREATE TABLE minutes(
  serial INTEGER PRIMARY KEY AUTOINCREMENT, minute INTEGER NOT NULL, part INTEGER NOT NULL,
  key TEXT NOT NULL, body BLOB NOT NULL, size INTEGER NOT NULL, unsure INTEGER NOT NULL,
  UNIQUE(minute, part)
);
CREATE INDEX minutes_by_size ON minutes(size);
CREATE TABLE sealed(minute INTEGER PRIMARY KEY, parts INTEGER NOT NULL);
CREATE TABLE events(id TEXT PRIMARY KEY, time REAL NOT NULL, line BLOB NOT NULL);
CREATE TABLE batches(key TEXT PRIMARY KEY, body BLOB NOT NULL, size INTEGER NOT NULL);
CREATE TABLE positions(
  journal TEXT NOT NULL, file TEXT NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY(journal, file)
);
CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL);
"""


class SpoolError(Exception):
    """The spool failed; the message says how."""


class SpoolFullError(SpoolError):
    """It could not be read or written now, such as on a full disk; nothing was changed."""


class SpoolCorruptError(SpoolError):
    """It is damaged, or of a newer schema."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF not in _CORRUPT:
            raise SpoolFullError(str(error)) from error
        raise SpoolCorruptError(str(error)) from error


def open_database(path: Path, now_unix: float) -> sqlite3.Connection:
    """Open the file, make its tables if it is new, and look whether it is sound.

    Raises SpoolCorruptError or SpoolFullError.
    """
    with translated():
        database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(database, now_unix)
        except BaseException:
            database.close()
            raise
    path.chmod(0o600)
    return database


def _prepare(database: sqlite3.Connection, now_unix: float) -> None:
    database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    # On macOS fsync alone leaves data in the drive's cache.
    database.execute("PRAGMA checkpoint_fullfsync=1")
    database.execute("PRAGMA fullfsync=1")
    database.execute("PRAGMA cache_size=-512")
    database.execute("PRAGMA wal_autocheckpoint=250")
    database.execute("PRAGMA journal_size_limit=1048576")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        database.execute("BEGIN IMMEDIATE")
        for statement in _TABLES.split(";"):
            database.execute(statement)
        database.execute("INSERT INTO facts VALUES('created', ?), ('seals', 0)", (now_unix,))
        database.execute(f"PRAGMA user_version={SPOOL_SCHEMA}")
        database.execute("COMMIT")
    elif version > SPOOL_SCHEMA:
        raise SpoolCorruptError(f"schema {version} is newer than {SPOOL_SCHEMA}")
    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise SpoolCorruptError(str(found))
