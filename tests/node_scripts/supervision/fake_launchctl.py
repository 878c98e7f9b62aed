"""A launchctl that supervises for real, for one folder: what launchd's own does as far as Garnet uses it.

Usage: fake_launchctl.py <state folder> <verb> <arguments>. bootout takes effect only after two more
prints, as launchd's is asynchronous; bootstrap meanwhile answers 37.
"""

from __future__ import annotations

import json
import os
import plistlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(folder: Path, verb: str, arguments: list[str]) -> int:
    """Run one verb and return the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "calls").open("a") as calls:
        calls.write(json.dumps([verb, *arguments]) + "\n")
    if verb == "bootstrap":
        return bootstrap(folder, Path(arguments[1]))
    label = arguments[-1].rsplit("/", 1)[-1]
    file = folder / f"{label}.json"
    if verb == "enable":
        return 0
    if not file.exists():
        sys.stdout.write(f'Could not find service "{label}" in domain\n')
        return 113
    service = json.loads(file.read_text())
    if verb == "print":
        return show(file, label, service)
    if verb == "bootout":
        kill(service["pid"])
        file.write_text(json.dumps(service | {"leaving": 2}))
    elif verb == "kickstart":
        if "-k" in arguments:
            kill(service["pid"])
        if "-k" in arguments or not running(service["pid"]):
            file.write_text(json.dumps(service | {"pid": start(service["plist"])}))
    return 0


def bootstrap(folder: Path, path: Path) -> int:
    """Load a property list and start its job."""
    plist: dict[str, Any] = plistlib.loads(path.read_bytes())
    file = folder / f"{plist['Label']}.json"
    if file.exists():
        sys.stdout.write("Bootstrap failed: 37: Operation already in progress\n")
        return 37
    file.write_text(json.dumps({"pid": start(plist), "plist": plist}))
    return 0


def show(file: Path, label: str, service: dict[str, Any]) -> int:
    """Print a service, or let it go when its bootout is through."""
    if service.get("leaving") == 0:
        file.unlink()
        sys.stdout.write(f'Could not find service "{label}" in domain\n')
        return 113
    if "leaving" in service:
        file.write_text(json.dumps(service | {"leaving": service["leaving"] - 1}))
    state, pid = (
        ("running", f"\tpid = {service['pid']}\n") if running(service["pid"]) else ("not running", "")
    )
    sys.stdout.write(f"system/{label} = {{\n\tactive count = 1\n\tstate = {state}\n\n{pid}\truns = 1\n}}\n")
    return 0


def start(plist: dict[str, Any]) -> int:
    """Start the job's process and return its pid."""
    with Path(plist["StandardOutPath"]).open("ab") as log:
        process = subprocess.Popen(
            plist["ProgramArguments"],
            env=plist["EnvironmentVariables"],
            cwd=plist["WorkingDirectory"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process.pid


def running(pid: int) -> bool:
    """Say whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kill(pid: int) -> None:
    """Kill a process that may be gone."""
    if running(pid):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
