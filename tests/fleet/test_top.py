"""`garnet top` as people run it: in a pipe, as JSON, and on a terminal that is left by q or Ctrl-C."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.rack import GARNET
from tests.garnet_cli.dashboard.simulated_looks import live

pytestmark = pytest.mark.fleet


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Return two local nodes on which nothing runs, and one behind a port where nobody listens."""
    nodes = "".join(
        f'[[nodes]]\nname = "mini-{number}"\ntransport = "local"\nroot = "n{number}"\n'
        f'listen = "127.0.0.1:{18_080 + number}"\n'
        for number in (1, 2)
    )
    lost = '[[nodes]]\nname = "mini-3"\nhost = "127.0.0.1"\nport = 9\nuser = "x"\nroot = "/x"\n'
    model = f'[models.m]\nsource = "org/model@{"a" * 40}"\nnodes = "all"\n'
    path = tmp_path / "inventory.toml"
    path.write_text(f'[fleet]\nname = "office"\n{nodes}{lost}{model}')
    (tmp_path / "known_hosts").touch()
    return path


def test_in_a_pipe_it_is_one_table_and_the_lost_node_makes_the_code(inventory: Path) -> None:
    """Unknown is a dash; the living nodes are shown beside the lost one."""
    ended = subprocess.run(
        [GARNET, "-i", inventory, "top"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 4, ended.stderr
    assert "\x1b" not in ended.stdout
    rows = {line.split()[0]: line.split() for line in ended.stdout.splitlines() if line.startswith("mini-")}
    assert rows["mini-1"][1:3] == ["no", "proxy"]
    assert rows["mini-3"][1:4] == ["lost", "\u2013", "\u2013"]
    assert "not reached: mini-3" in ended.stderr


def test_json_is_one_document(inventory: Path) -> None:
    """Unknown figures are null."""
    ended = subprocess.run(
        [GARNET, "-i", inventory, "top", "mini-1", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    view = json.loads(ended.stdout)
    assert [(row["node"], row["state"], row["celsius"]) for row in view["nodes"]] == [
        ("mini-1", "no proxy", None)
    ]
    assert view["store"] == "off"


def test_figures_of_a_monitor_come_over_the_channel(inventory: Path) -> None:
    """The live file in the node's folder, read by the agent, without its proxy."""
    run = inventory.parent / "n1" / "run"
    run.mkdir(parents=True)
    (run / "monitor.json").write_text(json.dumps({**live("mini-1", ["m"]), "time_unix": time.time()}))
    ended = subprocess.run(
        [GARNET, "-i", inventory, "top", "mini-1", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    view = json.loads(ended.stdout)
    assert view["nodes"][0]["celsius_source"] == "macmon:cpu_temp_avg"
    assert view["nodes"][0]["watts"] > 30
    assert view["models"][0]["tokens_per_s"] > 0
    assert view["store"] == "ok"


class Terminal:
    """`garnet top` on a pseudo terminal of 100 columns."""

    def __init__(self, inventory: Path) -> None:
        """Start it."""
        self.here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.before = termios.tcgetattr(there)
        environment = {**os.environ, "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [GARNET, "-i", inventory, "top"],
            stdin=there, stdout=there, stderr=there, env=environment, start_new_session=True,
        )  # fmt: skip
        self.there = there
        self.text = ""

    def wait_for(self, *parts: str) -> None:
        """Wait until all ``parts`` have been written."""
        deadline = time.monotonic() + 60
        while not all(part in self.text for part in parts):
            assert self.process.poll() is None, self.text[-2000:]
            assert time.monotonic() < deadline, self.text[-2000:]
            if select.select([self.here], [], [], 0.2)[0]:
                self.text += os.read(self.here, 65_536).decode(errors="replace")

    def wait_for_end(self) -> int:
        """Return the exit code; what is still written is taken, or the process could not end."""
        deadline = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it did not end"
            if select.select([self.here], [], [], 0.1)[0]:
                self.text += os.read(self.here, 65_536).decode(errors="replace")
        return self.process.returncode

    def close(self) -> None:
        """End what is left."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.here)
        os.close(self.there)


@pytest.fixture
def terminal(inventory: Path) -> Iterator[Terminal]:
    """Return a running `garnet top`."""
    started = Terminal(inventory)
    yield started
    started.close()


def test_q_ends_it_and_the_terminal_is_as_before(terminal: Terminal) -> None:
    """The living are shown while one is lost; no key is echoed; the settings come back."""
    terminal.wait_for("no proxy", "lost", "q ends")
    os.write(terminal.here, b"q")
    assert terminal.wait_for_end() == 0
    assert "\x1b[?1049h" in terminal.text
    assert "\x1b[?1049l" in terminal.text
    assert termios.tcgetattr(terminal.there) == terminal.before


def test_interrupt_ends_it_without_a_word(terminal: Terminal) -> None:
    """Ctrl-C is the way out, not a failure."""
    terminal.wait_for("no proxy")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.wait_for_end() == 0
    assert "Traceback" not in terminal.text
    assert termios.tcgetattr(terminal.there) == terminal.before
