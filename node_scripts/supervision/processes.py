"""Run one short command to its end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command left: exit status, and both streams together."""

    status: int
    output: str


Runner = Callable[[Sequence[str]], Completed]


def run(command: Sequence[str]) -> Completed:
    """Run ``command`` without input for at most 60 s, in the C locale.

    A program that is not there counts as exit status 127. Raises ``subprocess.TimeoutExpired``.
    """
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"},
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return Completed(127, f"{command[0]} is not there")
    return Completed(done.returncode, done.stdout.decode(errors="replace"))
