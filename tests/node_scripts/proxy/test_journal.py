"""The request journal's files: whole lines, followed and bounded, and every loss counted."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import logging
import os
import stat
from pathlib import Path

import msgspec
import pytest

from node_scripts.proxy.journal import FILE_AGE_S, RETRY_S, RequestJournal
from node_scripts.proxy.request_note import RequestLine
from node_scripts.records import RequestRecord

LINE = RequestLine(end_unix=1.5, model="tiny", outcome="answered", prompt_tokens=3)
RECORD = RequestRecord(end_unix=1.5, model="tiny", outcome="answered", prompt_tokens=3)
LINE_BYTES = len(msgspec.json.encode(LINE)) + 1


class Clock:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def records(folder: Path) -> list[RequestRecord]:
    """Read every line of every file, oldest file first."""
    return [
        msgspec.json.decode(line, type=RequestRecord)
        for path in sorted(folder.iterdir())
        for line in path.read_bytes().splitlines()
    ]


def test_each_record_is_a_whole_line_at_once(tmp_path: Path) -> None:
    """On disk when note returns, in a file of its owner only, whose name tells begin and process."""
    folder = tmp_path / "spool" / "requests"
    journal = RequestJournal(folder)
    for count in (1, 2):
        journal.note(LINE)
        (path,) = folder.iterdir()
        assert path.read_bytes().count(b"\n") == count
    assert records(folder) == [RECORD] * 2
    start, _, rest = path.name.partition("-")
    assert (len(start), rest) == (13, f"{os.getpid()}.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    journal.close()


def test_file_is_followed_after_its_age_and_never_left_without_a_line(tmp_path: Path) -> None:
    """Also when no request comes, so that its reader can finish it."""
    clock = Clock()
    journal = RequestJournal(tmp_path, clock=clock)
    journal.note(LINE)
    clock.now += FILE_AGE_S - 1
    journal.roll()
    journal.note(LINE)
    assert len(list(tmp_path.iterdir())) == 1
    clock.now += 1
    journal.roll()
    journal.roll()
    assert len(list(tmp_path.iterdir())) == 1
    journal.note(LINE)
    assert len(list(tmp_path.iterdir())) == 2
    clock.now += FILE_AGE_S
    journal.note(LINE)
    assert len(list(tmp_path.iterdir())) == 3
    assert len(records(tmp_path)) == 4
    journal.close()


def test_file_is_followed_before_it_grows_beyond_its_limit(tmp_path: Path) -> None:
    """Two lines fit, the third begins another, though the clock stands."""
    journal = RequestJournal(tmp_path, file_limit_bytes=2 * LINE_BYTES)
    for _ in range(5):
        journal.note(LINE)
    assert sorted(path.stat().st_size // LINE_BYTES for path in tmp_path.iterdir()) == [1, 2, 2]
    journal.close()


def test_file_is_locked_as_long_as_it_may_grow(tmp_path: Path) -> None:
    """Who gets the lock has all its lines."""
    journal = RequestJournal(tmp_path)
    journal.note(LINE)
    (path,) = tmp_path.iterdir()
    with path.open("rb") as reader:
        with pytest.raises(BlockingIOError):
            fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
        journal.close()
        fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_full_folder_counts_requests_until_its_reader_makes_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Measured again at most once a second; said once, and once more when it is over."""
    clock = Clock()
    (tmp_path / "0000000000001-1.jsonl").write_bytes(b"x" * 3 * LINE_BYTES)
    journal = RequestJournal(tmp_path, folder_limit_bytes=5 * LINE_BYTES, clock=clock)
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            journal.note(LINE)
        assert journal.unrecorded == 3
        (tmp_path / "0000000000001-1.jsonl").unlink()
        journal.note(LINE)
        assert journal.unrecorded == 4
        clock.now += RETRY_S
        journal.note(LINE)
    assert journal.unrecorded == 4
    assert len(records(tmp_path)) == 3
    assert [entry.levelname for entry in caplog.records] == ["ERROR", "INFO"]
    journal.close()


def test_line_that_does_not_fit_the_disk_is_taken_back_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of it was written: no reader finds half a line, and later ones follow."""
    journal = RequestJournal(tmp_path)
    journal.note(LINE)

    def short(descriptor: int, line: bytes) -> int:
        return write(descriptor, line[:7])

    def full(_descriptor: int, _line: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    write = os.write
    for failing in (short, full):
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", failing)
            journal.note(LINE)
    assert journal.unrecorded == 2
    journal.note(LINE)
    assert len(records(tmp_path)) == 2
    journal.close()


def test_line_that_cannot_be_taken_back_ends_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows is not glued to a half line."""
    journal = RequestJournal(tmp_path)
    journal.note(LINE)
    write = os.write

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:7]))
        patch.setattr(os, "ftruncate", broken)
        journal.note(LINE)
    journal.note(LINE)
    journal.close()
    first, second = sorted(tmp_path.iterdir())
    assert first.read_bytes().endswith(b'\n{"end_u')
    assert second.read_bytes().count(b"\n") == 1
    assert journal.unrecorded == 1


def test_folder_that_cannot_be_made_counts_and_raises_nothing(tmp_path: Path) -> None:
    """A file lies in the way."""
    (tmp_path / "spool").write_bytes(b"")
    journal = RequestJournal(tmp_path / "spool" / "requests")
    journal.note(LINE)
    journal.roll()
    journal.close()
    assert journal.unrecorded == 1


def test_record_that_cannot_be_encoded_is_counted(tmp_path: Path) -> None:
    """Whatever it holds, the request that it is of goes on."""
    journal = RequestJournal(tmp_path)
    journal.note(RequestLine(end_unix=1.0, model="\ud800", outcome="answered"))
    journal.note(LINE)
    assert (journal.unrecorded, len(records(tmp_path))) == (1, 1)
    journal.close()


def test_file_opened_in_vain_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves no empty files behind."""

    def full(_descriptor: int, _line: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    journal = RequestJournal(tmp_path)
    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        journal.note(LINE)
    assert len(list(tmp_path.iterdir())) == 1
    journal.close()
    assert list(tmp_path.iterdir()) == []
    assert journal.unrecorded == 3


def test_file_that_its_reader_locked_first_is_left_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader may take it for ended: a line in it could be lost."""
    locks = [BlockingIOError(errno.EWOULDBLOCK, "taken"), None]

    def flock(_descriptor: int, _how: int) -> None:
        if (error := locks.pop(0)) is not None:
            raise error

    monkeypatch.setattr(fcntl, "flock", flock)
    journal = RequestJournal(tmp_path)
    journal.note(LINE)
    journal.close()
    assert (journal.unrecorded, len(records(tmp_path)), len(list(tmp_path.iterdir()))) == (0, 1, 1)


def test_lines_are_request_records() -> None:
    """The same fields, types and defaults; what is left out of a line is the default."""
    written = {field.name: field for field in msgspec.structs.fields(RequestLine)}
    read = {field.name: field for field in dataclasses.fields(RequestRecord)}
    assert list(written) == list(read)
    for name, field in read.items():
        default = msgspec.NODEFAULT if field.default is dataclasses.MISSING else field.default
        assert written[name].default == default
    whole = RequestLine(
        end_unix=1.5,
        model="m",
        outcome="error",
        error="stopping",
        status=503,
        stream=True,
        key="k",
        forwarded=True,
        served_by="peer:two",
        prompt_tokens=3,
        cached_tokens=2,
        completion_tokens=1,
        latency_ms=9.5,
        first_token_ms=4.5,
        queue_ms=1.5,
    )
    record = msgspec.json.decode(msgspec.json.encode(whole), type=RequestRecord)
    assert dataclasses.asdict(record) == msgspec.structs.asdict(whole)
