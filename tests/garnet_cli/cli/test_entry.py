"""The installed command before and around Typer: early Ctrl-C, full and closed streams."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

GARNET = [sys.executable, "-m", "garnet_cli.cli.entry"]


def test_interrupt_during_the_imports_is_one_line(tmp_path: Path) -> None:
    """A module that stands in for a slow import is interrupted."""
    slow = tmp_path / "typer.py"
    slow.write_text(
        "import sys, time\nsys.stdout.write('importing\\n')\nsys.stdout.flush()\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        GARNET, env={"PYTHONPATH": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == "interrupted; nothing was begun\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_a_full_disk_behind_stdout_is_one_line(argument: str) -> None:
    """Not an internal error."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*GARNET, argument], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert done.returncode == 1
    assert "no space is left" in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_streams_are_no_error() -> None:
    """Cron jobs may start a command without any."""
    command = f"{sys.executable} -m garnet_cli.cli.entry --version >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], check=False, timeout=60).returncode == 0
