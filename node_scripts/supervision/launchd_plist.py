"""Labels and property lists of launchd jobs."""

from __future__ import annotations

import hashlib
import plistlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node_scripts.contracts import Job

SEARCH_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
OPEN_FILES = 65536
THROTTLE_S = 2
"""Least seconds between two starts of a job that keeps ending."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that jobs run as."""

    name: str
    identity: int
    home: Path


def root_hash(root: Path) -> str:
    """Return eight hex digits that tell this root's jobs from another's on the same Mac."""
    return hashlib.sha256(str(root).encode()).hexdigest()[:8]


def job_label(fleet: str, root: Path, name: str) -> str:
    """Return ``com.garnet.<fleet>.<hash of root>.<job>``."""
    return f"com.garnet.{re.sub('[^A-Za-z0-9_-]', '-', fleet)}.{root_hash(root)}.{name}"


def job_from_label(label: str) -> str:
    """Return the job's name."""
    return label.rsplit(".", 1)[-1]


def read_job(entries: dict[str, Any], account: Account) -> Job:
    """Return the job whose property list ``entries`` is: what ``job_plist`` wrote."""
    usual = {"HOME": str(account.home), "USER": account.name, "LOGNAME": account.name, "PATH": SEARCH_PATH}
    variables = dict(entries["EnvironmentVariables"])
    return Job(
        name=job_from_label(entries["Label"]),
        argv=list(entries["ProgramArguments"]),
        working_directory=entries["WorkingDirectory"],
        log=entries["StandardOutPath"],
        environment={name: value for name, value in variables.items() if usual.get(name) != value},
        stop_timeout_s=int(entries["ExitTimeOut"]),
    )


def job_plist(job: Job, label: str, account: Account, *, daemon: bool) -> bytes:
    """Return the property list; equal bytes for equal jobs.

    ``Interactive`` because launchd slows all other process types down, GPU work included.
    """
    entries: dict[str, Any] = {
        "Label": label,
        "ProgramArguments": list(job.argv),
        "WorkingDirectory": job.working_directory,
        "EnvironmentVariables": {
            "HOME": str(account.home),
            "USER": account.name,
            "LOGNAME": account.name,
            "PATH": SEARCH_PATH,
            **job.environment,
        },
        "StandardOutPath": job.log,
        "StandardErrorPath": job.log,
        "RunAtLoad": True,
        "KeepAlive": True,
        "ProcessType": "Interactive",
        "ThrottleInterval": THROTTLE_S,
        "ExitTimeOut": job.stop_timeout_s,
        "SoftResourceLimits": {"NumberOfFiles": OPEN_FILES},
        "Umask": 0o077,
    }
    if daemon:
        entries["UserName"] = account.name
    else:
        entries["LimitLoadToSessionType"] = "Background"
    return plistlib.dumps(entries, sort_keys=True)
