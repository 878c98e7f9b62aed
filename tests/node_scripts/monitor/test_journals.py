"""Reading what others append: whole lines, once; removing what is stored and will not grow."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from pathlib import Path

import pytest

from node_scripts.monitor.journals import (
    LONGEST_LINE_BYTES,
    SET_ASIDE_BYTES,
    JournalReader,
    set_aside,
)

HERE = os.getpid()


@pytest.fixture
def gone() -> int:
    """Return the pid of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def contents(reader: JournalReader) -> list[bytes]:
    """Return the new lines."""
    return [line.content for line in reader.read()]


def test_whole_lines_are_read_once_oldest_file_first(tmp_path: Path) -> None:
    """Other files are none of the journal; one without its end waits for it."""
    (tmp_path / f"0000000000200-{HERE}.jsonl").write_bytes(b"c\nd\nhalf")
    (tmp_path / f"0000000000100-{HERE}.jsonl").write_bytes(b"a\nb\n")
    (tmp_path / ".hidden").write_bytes(b"x\n")
    (tmp_path / "notes.txt").write_bytes(b"x\n")
    reader = JournalReader(tmp_path)
    assert contents(reader) == [b"a", b"b", b"c", b"d"]
    assert contents(reader) == []
    with (tmp_path / f"0000000000200-{HERE}.jsonl").open("ab") as stream:
        stream.write(b" done\n")
    assert contents(reader) == [b"half done"]


def test_goes_on_from_positions(tmp_path: Path) -> None:
    """Offsets are behind each line."""
    name = f"0000000000100-{HERE}.jsonl"
    (tmp_path / name).write_bytes(b"a\nbb\nccc\n")
    lines = JournalReader(tmp_path).read()
    assert [line.end for line in lines] == [2, 5, 9]
    assert contents(JournalReader(tmp_path, {name: 5})) == [b"ccc"]


def test_a_long_journal_is_read_in_pieces(tmp_path: Path) -> None:
    """Each about as long as the limit; nothing is left out."""
    line = b"x" * 999 + b"\n"
    (tmp_path / f"0000000000100-{HERE}.jsonl").write_bytes(line * 1000)
    reader = JournalReader(tmp_path)
    pieces = []
    while found := reader.read(100_000):
        pieces.append(len(found))
    assert sum(pieces) == 1000
    assert max(pieces) < 200


def test_a_line_without_end_of_a_writer_that_is_gone_is_not_whole(tmp_path: Path, gone: int) -> None:
    """A power cut left a part of it."""
    (tmp_path / f"0000000000100-{gone}.jsonl").write_bytes(b"a\npart")
    lines = JournalReader(tmp_path).read()
    assert [(line.content, line.whole) for line in lines] == [(b"a", True), (b"part", False)]


def test_an_endless_line_is_passed(tmp_path: Path) -> None:
    """It does not hold up what comes behind it, nor fill the memory."""
    (tmp_path / f"0000000000100-{HERE}.jsonl").write_bytes(b"x" * (3 * LONGEST_LINE_BYTES) + b"\nafter\n")
    reader = JournalReader(tmp_path)
    lines = []
    for _ in range(10):
        lines += reader.read(1000)
    assert lines[-1].content == b"after"
    assert not lines[0].whole


def test_a_file_is_removed_when_stored_and_followed_by_another(tmp_path: Path) -> None:
    """Its writer, which lives, writes the newer one."""
    first, second = f"0000000000100-{HERE}.jsonl", f"0000000000200-{HERE}.jsonl"
    (tmp_path / first).write_bytes(b"a\n")
    (tmp_path / second).write_bytes(b"b\n")
    reader = JournalReader(tmp_path)
    reader.read()
    assert reader.remove_stored({first: 1, second: 2}) == []
    assert reader.remove_stored({first: 2, second: 2}) == [first]
    assert [path.name for path in tmp_path.iterdir()] == [second]


def test_a_file_of_a_process_that_is_gone_is_removed_when_stored(tmp_path: Path, gone: int) -> None:
    """Also the last one, and one without lines."""
    name, empty = f"0000000000100-{gone}.jsonl", f"0000000000200-{gone}.jsonl"
    (tmp_path / name).write_bytes(b"a\n")
    (tmp_path / empty).write_bytes(b"")
    reader = JournalReader(tmp_path)
    assert reader.remove_stored({}) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    assert reader.remove_stored({name: 2}) == [name]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_its_writer_holds_is_never_removed(tmp_path: Path, gone: int) -> None:
    """The lock counts, whatever pids say."""
    name = f"0000000000100-{gone}.jsonl"
    with (tmp_path / name).open("wb", buffering=0) as stream:
        stream.write(b"a\n")
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert JournalReader(tmp_path).remove_stored({name: 2}) == []
        assert (tmp_path / name).exists()


def test_a_pid_that_was_given_to_another_process_does_not_keep_a_file(tmp_path: Path) -> None:
    """After an hour of quiet only the lock tells."""
    name = f"0000000000100-{HERE}.jsonl"
    (tmp_path / name).write_bytes(b"a\n")
    reader = JournalReader(tmp_path)
    assert reader.remove_stored({name: 2}) == []
    os.utime(tmp_path / name, (0, time.time() - 4000))
    assert reader.remove_stored({name: 2}) == [name]


def test_no_folder_is_no_journal(tmp_path: Path) -> None:
    """The writer makes it when there is something to write."""
    reader = JournalReader(tmp_path / "none")
    assert (reader.read(), reader.remove_stored({"a": 1})) == ([], ["a"])


def test_lines_set_aside_are_bounded_and_private(tmp_path: Path) -> None:
    """The newest stay."""
    path = tmp_path / "aside"
    for number in range(40):
        set_aside(path, [b"%03d" % number + b"x" * 20_000])
    assert path.stat().st_size <= SET_ASIDE_BYTES
    assert path.stat().st_mode & 0o077 == 0
    assert b"039x" in path.read_bytes()
    assert b"000x" not in path.read_bytes()
