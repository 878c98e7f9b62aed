"""Tools that are kept running."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.stream import ToolStream

Found = TypeVar("Found")


@dataclass
class Clock:
    """A clock that a test sets."""

    now_s: float = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@dataclass
class Tools:
    """Makes streams of Python scripts and ends them."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    streams: list[ToolStream] = field(default_factory=list)

    def start(self, script: str, record_end: bytes = b"\n") -> ToolStream:
        """Return a stream of what ``script`` prints, with the first reading taken."""
        path = self.folder / f"tool-{len(self.streams)}"
        path.write_text(f"#!{sys.executable}\nimport os, signal, sys, time\n{script}\n")
        path.chmod(0o755)
        stream = ToolStream([str(path)], record_end, interval_s=5.0, clock=self.clock)
        self.streams.append(stream)
        assert stream.latest() is None
        return stream


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    """Return a maker of streams; all are closed in the end."""
    made = Tools(tmp_path)
    yield made
    for stream in made.streams:
        stream.close()


def _until(read: Callable[[], Found | None]) -> Found:
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        found = read()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come")


def _failure(stream: ToolStream) -> str | None:
    try:
        stream.latest()
    except SensorError as error:
        return str(error)
    return None


def test_the_newest_whole_record_is_held(tools: Tools) -> None:
    """Of a record that is not ended yet nothing is shown."""
    stream = tools.start("os.write(1, b'{one}\\n{two}\\n{thr'); time.sleep(60)")
    assert _until(stream.latest) == b"{two}\n"


def test_records_may_end_with_a_word_and_come_in_pieces(tools: Tools) -> None:
    """As plists do, separated by NUL."""
    stream = tools.start(
        "for piece in (b'<plist>1</pl', b'ist>', b'\\0<plist>2</plis', b't>\\n\\0<pl'):\n"
        "    os.write(1, piece); time.sleep(0.05)\n"
        "time.sleep(60)",
        record_end=b"</plist>",
    )
    assert _until(lambda: stream.latest() == b"\0<plist>2</plist>")


def test_a_tool_that_ends_is_started_again_after_a_pause(tools: Tools) -> None:
    """The reading fails meanwhile: its last record is old news."""
    marker = tools.folder / "second"
    stream = tools.start(
        f"again = os.path.exists({str(marker)!r})\n"
        f"open({str(marker)!r}, 'w').close()\n"
        "print('again' if again else 'first', flush=True)\n"
        "time.sleep(60) if again else sys.exit(3)"
    )
    assert "ended with 3" in _until(lambda: _failure(stream))
    tools.clock.now_s += 9.0
    assert "ended with 3" in str(_failure(stream))
    tools.clock.now_s += 2.0
    assert "ended with 3" in str(_failure(stream))
    assert _until(stream.latest) == b"again\n"


def test_a_tool_that_falls_silent_is_ended_and_started_again(tools: Tools) -> None:
    """Three intervals without a record are too long; a stopped process counts too."""
    stream = tools.start("print(os.getpid(), flush=True)\ntime.sleep(60)")
    pid = int(_until(stream.latest))
    tools.clock.now_s += 15.0
    assert stream.latest() is not None
    tools.clock.now_s += 1.0
    assert "fell silent" in str(_failure(stream))
    assert not psutil.pid_exists(pid)
    assert stream.latest() is None
    assert int(_until(stream.latest)) != pid


def test_closing_ends_the_tool_even_if_it_will_not(tools: Tools) -> None:
    """And nothing is started any more."""
    stream = tools.start(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(os.getpid(), flush=True)\ntime.sleep(60)"
    )
    pid = int(_until(stream.latest))
    stream.close()
    stream.close()
    assert not psutil.pid_exists(pid)
    assert "was ended" in str(_failure(stream))


def test_a_tool_that_is_not_there_fails_in_words(tmp_path: Path) -> None:
    """At every reading."""
    stream = ToolStream([str(tmp_path / "macmon")], b"\n", interval_s=5.0)
    for _ in range(2):
        with pytest.raises(SensorError, match="macmon: No such file"):
            stream.latest()


def test_what_a_tool_says_on_stderr_is_no_record(tools: Tools) -> None:
    """Warnings come there."""
    stream = tools.start("os.write(2, b'warning\\n'); os.write(1, b'record\\n'); time.sleep(60)")
    assert _until(stream.latest) == b"record\n"
