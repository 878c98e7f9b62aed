"""Processes of a benchmark: started, waited for, weighed, and always ended."""

from __future__ import annotations

import compileall
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 30.0
END_PATIENCE_S = 5.0
LOOK_EVERY_S = 0.01
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ran:
    """One command from its start to its end."""

    seconds: float
    cpu_seconds: float
    """Of the command and the children it waited for."""
    peak_rss_bytes: int
    """Of the command itself, as often as it was looked at."""
    code: int
    output: str
    errors: str


@contextmanager
def running(command: Sequence[str], log: Path, ready: Callable[[], bool]) -> Iterator[psutil.Process]:
    """Run ``command`` in the background; end it and all its children when the block ends.

    Raises RuntimeError with the log's end if the process ends, or is not ``ready`` in time.
    """
    with log.open("ab") as stream:
        started = subprocess.Popen(
            list(command),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=_environment({"PYTHONPATH": str(ROOT)}),
        )
    process = psutil.Process(started.pid)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            if started.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        yield process
    finally:
        children = process.children(recursive=True) if process.is_running() else []
        started.terminate()
        try:
            started.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        for child in psutil.wait_procs(children, END_PATIENCE_S)[1]:
            with suppress(psutil.NoSuchProcess):
                child.kill()


def run(command: Sequence[str]) -> Ran:
    """Run a command to its end and weigh it."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=_environment({}),
        )
        # ru_maxrss would count the memory of this very process, of which the command is forked.
        peak = 0
        weighed = psutil.Process(process.pid)
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            with suppress(psutil.Error):
                peak = max(peak, int(weighed.memory_info().rss))
            time.sleep(LOOK_EVERY_S)
        seconds = time.perf_counter() - begin
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (output, errors):
            stream.seek(0)
        return Ran(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_rss_bytes=peak,
            code=process.returncode,
            output=output.read(),
            errors=errors.read(),
        )


def rss_bytes(process: psutil.Process) -> int:
    """Return the resident memory of a process and its children."""
    return sum(int(each.memory_info().rss) for each in _tree(process))


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time that a process and its children have used so far."""
    times = [each.cpu_times() for each in _tree(process)]
    return sum(float(each.user + each.system) for each in times)


def answers(address: Path | tuple[str, int]) -> bool:
    """Say whether somebody listens there."""
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(address) if isinstance(address, Path) else address)
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on now, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def end_cleanly_on_signals() -> None:
    """Make a termination end the benchmark as an error would, so that it cleans up."""

    def end(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def compile_everything() -> None:
    """Compile this environment and the project, as one that was used before is: installers may not."""
    for folder in (Path(sysconfig.get_path("purelib")), ROOT / "garnet_cli", ROOT / "node_scripts"):
        compileall.compile_dir(folder, quiet=2, workers=0)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **more}


def _tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]
