"""Jobs that a killed supervisord left running."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from node_scripts.supervision.interface import Report
from node_scripts.supervision.processes import run

PS = "/bin/ps"
END_TIMEOUT_S = 20.0
MARK = "; argv "
"""Begins the comment in a job's file that holds its arguments as JSON."""


def find_orphans(listing: str, commands: Iterable[list[str]]) -> list[int]:
    """Return the pids in ``ps -o pid=,args=`` whose arguments are exactly one of ``commands``.

    A job's arguments name its root or its sockets, so that no other root's job is meant.
    """
    wanted = {" ".join(command).strip() for command in commands}
    pids = []
    for line in listing.splitlines():
        pid, _, arguments = line.strip().partition(" ")
        if arguments.strip() in wanted:
            pids.append(int(pid))
    return pids


def end_orphans(job_files: Iterable[Path], report: Report) -> None:
    """End what still runs of these jobs, group by group: TERM, then KILL after 20 s."""
    commands = [
        json.loads(line.removeprefix(MARK))
        for path in job_files
        for line in path.read_text().splitlines()
        if line.startswith(MARK)
    ]
    if not commands:
        return
    listed = run([PS, "-axww", "-o", "pid=,args="])
    if listed.status:
        report("left-over processes cannot be looked for: ps failed")
        return
    orphans = find_orphans(listed.output, commands)
    for pid in orphans:
        report(f"ending process {pid}, left over by a killed supervisor")
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + END_TIMEOUT_S
    while orphans := [pid for pid in orphans if _signal(pid, 0)]:
        if time.monotonic() > deadline:
            for pid in orphans:
                _signal(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def _signal(pid: int, number: int) -> bool:
    """Signal the process's group, which the supervisor made for it; say whether it was there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
        return True
    return False
