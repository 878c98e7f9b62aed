"""A real monitor process on a folder, a real journal that is written beside it, and what lies in a store."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec

from node_scripts.paths import NodePaths
from node_scripts.proxy.journal import RequestJournal
from node_scripts.proxy.request_note import RequestLine
from node_scripts.records import Event, Minute
from node_scripts.store.layout import events_prefix, minutes_prefix, parse_minute_key
from node_scripts.store.objects import ObjectStore
from tests.conftest import ROOT

PATIENCE_S = 60.0


def eventually(condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
    """Wait until ``condition`` returns something true and return it."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.05)
    return found


class MonitorProcess:
    """``python -m node_scripts.monitor`` on one root."""

    def __init__(self, root: Path, **environment: str) -> None:
        """Start nothing yet."""
        self.paths = NodePaths.at(root)
        self.paths.make()
        self.log = root / "log" / "monitor.log"
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and return at once."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "node_scripts.monitor", "--root", str(self.paths.root)],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        return self

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def wait_for_look(self) -> dict[str, Any]:
        """Wait until this process has taken a look, and return it."""
        found: dict[str, Any] = eventually(
            lambda: (live := self.live()) and live["pid"] == self.pid and live, f"a look\n{self.text()}"
        )
        return found

    def live(self) -> dict[str, Any] | None:
        """Return what it saw last."""
        try:
            found: dict[str, Any] = json.loads(self.paths.monitor_live_file.read_bytes())
        except FileNotFoundError:
            return None
        return found

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as power would."""
        self.send(signal.SIGKILL)
        self.wait()

    def terminate(self) -> int:
        """End it as its supervisor would; return its exit status."""
        self.send(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end."""
        assert self._process is not None
        status = self._process.wait(20)
        self._process = None
        return status

    def text(self) -> str:
        """Return its log."""
        return self.log.read_text() if self.log.exists() else ""

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind."""
        if self._process is not None:
            self.kill()


@dataclass
class Written:
    """What a test's clients have counted."""

    requests: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, record: RequestLine) -> None:
        """Count one."""
        self.requests += 1
        self.prompt_tokens += record.prompt_tokens
        self.completion_tokens += record.completion_tokens
        if record.outcome == "error":
            self.errors[record.error] += 1


class Stream:
    """Writes records as a proxy does, from a thread."""

    def __init__(self, folder: Path, pause_s: float = 0.004, seed: int = 1) -> None:
        """Write below ``folder``; files roll after 20 kB."""
        self.journal = RequestJournal(folder, file_limit_bytes=20_000)
        self.written = Written()
        self._pause_s = pause_s
        self._draw = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; the last file stays open, as a living proxy's does."""
        self.stop()
        self.journal.close()

    def stop(self) -> None:
        """Write no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s * self._draw.random() * 2):
            self.write()

    def write(self, **changes: Any) -> None:
        """Write one record; what the journal could not take does not count as written."""
        draw = self._draw
        failed = draw.random() < 0.1
        given: dict[str, Any] = {
            "end_unix": time.time(),
            "model": draw.choice(["tiny", "big", ""]),
            "outcome": "error" if failed else "answered",
            "error": draw.choice(["queue_full", "loader_died"]) if failed else "",
            "prompt_tokens": draw.randrange(500),
            "completion_tokens": draw.randrange(200),
            "latency_ms": draw.lognormvariate(5, 1),
            "served_by": "loader-1",
            **changes,
        }
        record = RequestLine(**given)
        before = self.journal.unrecorded
        self.journal.note(record)
        if self.journal.unrecorded == before:
            self.written.add(record)


def minutes_in(store: ObjectStore, fleet: str = "f") -> list[Minute]:
    """Return the minutes in a store, by key; asserts that each says what its key says."""
    found = []
    for one in store.list(minutes_prefix(fleet)):
        minute = msgspec.json.decode(gzip.decompress(store.get(one.key)), type=Minute)
        key = parse_minute_key(one.key)
        assert key is not None
        assert (key.node, key.minute_unix, key.part) == (minute.node, minute.minute_unix, minute.part)
        found.append(minute)
    return found


def events_in(store: ObjectStore, fleet: str = "f") -> list[Event]:
    """Return the events in a store; asserts that none is there twice."""
    events = [
        msgspec.json.decode(line, type=Event)
        for one in store.list(events_prefix(fleet))
        for line in gzip.decompress(store.get(one.key)).splitlines()
    ]
    assert len({event.id for event in events}) == len(events)
    return events


def sums_of(minutes: Iterable[Minute]) -> Written:
    """Add up what the minutes count of clients' requests."""
    total = Written()
    for minute in minutes:
        for model in minute.models.values():
            client = model.client
            total.requests += client.requests
            total.errors.update(client.errors)
            total.prompt_tokens += client.prompt_tokens
            total.completion_tokens += client.completion_tokens
            assert client.requests == client.answered + client.cancelled + sum(client.errors.values())
            assert client.latency_ms.count == client.answered
    return total
