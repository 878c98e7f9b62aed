"""Steps on supervised jobs."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.events import note_event
from node_scripts.contracts import Job, JobStatus
from node_scripts.files import write_atomically
from node_scripts.paths import NodePaths
from node_scripts.supervision.choose import supervisor_for
from node_scripts.supervision.interface import Report, SupervisionError, Supervisor, job_digest, stop_rank

DEFINED_FILE = "jobs.json"
PURGED = ("current", "releases", "artifacts", "served", "wheelhouse", "state", "run", "log", "spool", "etc")


@contextlib.contextmanager
def supervising(context: Context) -> Iterator[Supervisor]:
    """Yield this node's supervisor; its failures become StepError (``supervisor``)."""
    try:
        yield supervisor_for(context.paths)
    except SupervisionError as error:
        raise StepError("supervisor", error.message, remedy=error.remedy, detail=error.detail) from error


def ensure_job(context: Context, *, job: dict[str, Any]) -> dict[str, Any]:
    """Have exactly this job run; a job that already does is left alone."""
    wanted = Job(**job)
    digest = job_digest(wanted)
    with supervising(context) as supervisor:
        context.paths.log.mkdir(mode=0o700, parents=True, exist_ok=True)
        if defined_jobs(context.paths).get(wanted.name) != digest:
            # Unknown while it changes: who is cut off here finds a difference again.
            _define(context.paths, wanted.name, None)
        changed = supervisor.ensure(wanted, _report(context))
        _define(context.paths, wanted.name, digest)
        status = _find(supervisor, wanted.name)
    return {"changed": changed, "status": asdict(status)}


def read_job(context: Context, *, name: str) -> dict[str, Any] | None:
    """Return a job as the supervisor has it; ``None`` for one that it does not know."""
    with supervising(context) as supervisor:
        job = supervisor.definition(name)
    return asdict(job) if job else None


def restart_job(context: Context, *, name: str) -> dict[str, Any]:
    """Stop and start a job."""
    with supervising(context) as supervisor:
        supervisor.restart(name, _report(context))
    return {}


def remove_job(context: Context, *, name: str) -> dict[str, Any]:
    """Stop a job and forget it."""
    with supervising(context) as supervisor:
        _define(context.paths, name, None)
        return {"existed": supervisor.remove(name, _report(context))}


def signal_job(context: Context, *, name: str, signal: str) -> dict[str, Any]:
    """Send a signal such as ``HUP`` to a job's process."""
    with supervising(context) as supervisor:
        supervisor.signal(name, signal)
    return {}


def jobs(context: Context) -> list[dict[str, Any]]:
    """Return all jobs' states."""
    with supervising(context) as supervisor:
        return [asdict(job) for job in supervisor.statuses()]


def configure_supervisor(context: Context, *, boot: bool, environment: str | None = None) -> dict[str, Any]:
    """Arrange, or no longer arrange, that jobs run after a reboot.

    ``environment`` is the one that a supervisor of the node's own is started from, where it has one.
    """
    with supervising(context) as supervisor:
        before = supervisor.describe()["starts_at_boot"]
        supervisor.start_at_boot(
            wanted=boot, programs=context.paths.environments / environment / "bin" if environment else None
        )
        return {"changed": supervisor.describe()["starts_at_boot"] != before}


def stop_all(context: Context, *, purge: bool, event: dict[str, Any] | None = None) -> dict[str, Any]:
    """Remove all jobs, and the supervisor where it is this root's own; ``purge``: the files too.

    Proxies end first, while the loaders still answer what is in flight; the monitor last, which ships
    what it has, ``event`` (see ``note_event``) included. Environments that other roots may share are left.
    """
    if event is not None:
        note_event(context, **event)
    with supervising(context) as supervisor:
        for name in sorted((job.name for job in supervisor.statuses()), key=stop_rank):
            supervisor.remove(name, _report(context))
        supervisor.shut_down(_report(context))
    _define(context.paths, None, None)
    if purge:
        paths = context.paths
        for name in PURGED:
            target = paths.root / name
            if target.is_symlink() or target.is_file():
                target.unlink()
            elif target.exists():
                context.progress({"message": f"deleting {target}"})
                shutil.rmtree(target)
        if paths.environments == paths.root / "envs" and paths.environments.exists():
            context.progress({"message": f"deleting {paths.environments}"})
            shutil.rmtree(paths.environments)
        own = paths.root / "envs"
        if own.is_dir() and not any(own.iterdir()):
            own.rmdir()
        if paths.root.exists() and not any(paths.root.iterdir()):
            paths.root.rmdir()
    return {}


def defined_jobs(paths: NodePaths) -> dict[str, str]:
    """Return the digest (``job_digest``) of every job as it was last ensured, by name."""
    try:
        return dict(json.loads((paths.state / DEFINED_FILE).read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _define(paths: NodePaths, name: str | None, digest: str | None) -> None:
    """Write down what ``name`` was ensured as; ``None`` forgets it, or all jobs."""
    before = defined_jobs(paths)
    after = {known: value for known, value in before.items() if name is not None and known != name}
    if name is not None and digest is not None:
        after[name] = digest
    if after != before:
        paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(paths.state / DEFINED_FILE, json.dumps(after, sort_keys=True).encode())


def _report(context: Context) -> Report:
    return lambda message: context.progress_sometimes({"message": message})


def _find(supervisor: Supervisor, name: str) -> JobStatus:
    found = next((job for job in supervisor.statuses() if job.name == name), None)
    return found or JobStatus(name=name, state="unknown", detail="the supervisor does not list it")
