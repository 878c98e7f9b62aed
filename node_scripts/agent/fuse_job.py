"""The fuse as a supervised job: its code on the node's disk, of no release and no environment."""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
import time
import zipfile
from dataclasses import asdict
from pathlib import Path

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.jobs import ensure_job, remove_job, supervising
from node_scripts.agent.logs import Tail
from node_scripts.agent.sources import agent_sources
from node_scripts.contracts import Job
from node_scripts.files import write_atomically
from node_scripts.paths import NodePaths

FUSE_JOB = "fuse"
MAIN = "import sys\nfrom node_scripts.agent.fuse import main\nmain(sys.argv[1:])\n"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold: equal sources make equal bytes."""
START_PATIENCE_S = 20.0


def arm_fuse(context: Context, *, needed: bool) -> bool:
    """Have the fuse run and return True; False where it is not ``needed`` and no supervisor runs.

    Error ``fuse_down`` where it does not stay up.
    """
    with supervising(context) as supervisor:
        if not needed and not supervisor.describe()["running"]:
            return False
    job = fuse_job(context.paths, install_code(context.paths))
    ensure_job(context, job=asdict(job))
    deadline = time.monotonic() + START_PATIENCE_S
    with supervising(context) as supervisor:
        while not any(each.name == FUSE_JOB and each.state == "running" for each in supervisor.statuses()):
            if time.monotonic() > deadline:
                raise _down(context, Path(job.log))
            context.progress_sometimes({"message": "waiting for the fuse"})
            time.sleep(0.1)
    return True


def _down(context: Context, log: Path) -> StepError:
    remove_fuse(context)
    last = Tail(log).last(1) if log.exists() else []
    return StepError(
        "fuse_down",
        f"the fuse does not stay up: {last[0] if last else 'it wrote no log'}",
        remedy="nothing was changed; look at log/fuse.log on the node",
    )


def remove_fuse(context: Context) -> None:
    """Stop the fuse and delete its code; safe to repeat."""
    remove_job(context, name=FUSE_JOB)
    if context.paths.fuse.exists():
        shutil.rmtree(context.paths.fuse)


def fuse_job(paths: NodePaths, code: Path) -> Job:
    """Return the fuse's job: the Python that environments are made of, and nothing of what may be broken."""
    return Job(
        name=FUSE_JOB,
        argv=[base_python(), "-I", "-S", "-B", str(code), str(paths.root), str(paths.environments)],
        working_directory=str(paths.root),
        log=str(paths.log / f"{FUSE_JOB}.log"),
    )


def base_python() -> str:
    """Return the Python that this one's environment was made from; this one itself outside of any."""
    return getattr(sys, "_base_executable", "") or sys.executable


def install_code(paths: NodePaths) -> Path:
    """Write the agent's code as one file named by content, which Python runs; return its path.

    A fuse of older code keeps the file that it was started from.
    """
    content = archive(agent_sources())
    path = make_folder(paths.fuse) / f"{hashlib.sha256(content).hexdigest()[:16]}.pyz"
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)
    return path


def archive(sources: dict[str, str]) -> bytes:
    """Return a zip of ``sources`` that starts the fuse; equal bytes for equal sources."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as whole:
        for path, source in sorted({**sources, "__main__.py": MAIN}.items()):
            whole.writestr(zipfile.ZipInfo(path, EPOCH), source)
    return stream.getvalue()
