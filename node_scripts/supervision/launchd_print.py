"""Reading ``launchctl print``."""

from __future__ import annotations

import re

from node_scripts.contracts import JobStatus

FIELD = re.compile(r"^\t([a-z][a-z ]*) = (.+)$", re.MULTILINE)
"""Fields of the service itself stand one tab deep; those of its parts deeper."""


def parse_print(name: str, output: str) -> JobStatus:
    """Return the state of the job ``name`` from ``launchctl print <domain>/<label>``.

    A loaded job without a process waits for its throttle interval: ``failed`` once it has ended
    with an error, else ``starting``. What cannot be read is ``unknown``.
    """
    fields = dict(FIELD.findall(output))
    state = fields.get("state")
    pid = int(fields["pid"]) if fields.get("pid", "").isdigit() else None
    last_exit = fields.get("last exit code", "")
    detail = f"last exit code {last_exit}" if last_exit and last_exit != "(never exited)" else ""
    if signal := fields.get("last terminating signal"):
        detail = f"last ended by {signal}"
    if state == "running" and pid is not None:
        return JobStatus(name=name, state="running", pid=pid)
    if state is None:
        return JobStatus(name=name, state="unknown", detail="launchctl print has no state")
    if detail and not re.fullmatch(r"last exit code 0\b.*", detail):
        return JobStatus(name=name, state="failed", detail=f"{state}; {detail}")
    return JobStatus(name=name, state="starting", detail=f"{state}; {detail}" if detail else state)
