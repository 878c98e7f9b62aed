"""Runs a system's tools: the one place where a sensor starts a process that ends."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from node_scripts.monitor.sensors.interface import SensorError

TIMEOUT_S = 1.5

FOLDERS = (
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/opt/local/bin",
    "~/.cargo/bin",
    "~/go/bin",
    "~/.local/bin",
)
"""Where Homebrew, MacPorts, cargo and go install; a supervisor's PATH has none of them."""


class Runner(Protocol):
    """Runs a tool and returns what it printed."""

    def run(self, command: Sequence[str], timeout_s: float = TIMEOUT_S) -> str:
        """Return stdout. Raises SensorError when it cannot run, fails or takes longer."""


class ProcessRunner:
    """Runs real processes, in the C locale and without the monitor's secrets."""

    def run(self, command: Sequence[str], timeout_s: float = TIMEOUT_S) -> str:
        """Return stdout. Raises SensorError when it cannot run, fails or takes longer."""
        tool = Path(command[0]).name
        try:
            done = subprocess.run(
                list(command),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=tool_environment(os.environ),
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SensorError(f"{tool} gave no answer in {timeout_s:g} s") from error
        except OSError as error:
            raise SensorError(f"{tool}: {error.strerror or error}") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise SensorError(
                f"{tool} ended with {done.returncode}" + (f": {said[-1][:200]}" if said else "")
            )
        return done.stdout.decode(errors="replace")


def tool_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what tools see: the C locale, and of ``environ`` nothing but folders."""
    kept = {name: environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in environ}
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **kept, "LC_ALL": "C", "LANG": "C"}


def find_tool(name: str, folders: Sequence[str] = FOLDERS, path: str | None = None) -> str | None:
    """Return the tool's path, looked up in PATH and where people install, or ``None``."""
    searched = (os.environ.get("PATH", "") if path is None else path).split(os.pathsep)
    for folder in (*searched, *folders):
        found = Path(folder).expanduser() / name if folder else None
        if found and found.is_file() and os.access(found, os.X_OK):
            return str(found)
    return None
