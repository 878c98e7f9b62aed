"""Restore: bring a node to a snapshot, traffic first. What is healthy is stopped after the other answers.

Every part looks at what is there and does what is missing, so that a restore that was cut off at any point
goes on when it is run again. In order:

1. Models whose loader of the snapshot still runs are flipped back at once, where the proxy answers.
2. The proxy: files, ``current``, its job, which takes the sockets over from the newer one.
3. Models with room for two loaders: the snapshot's is started, waited for, flipped to.
4. Newer proxies end, when their answers have. So do models that the snapshot does not have.
5. Models without such room, one after the other: out of the slot once a peer serves, so that it takes the
   traffic; drained, stopped; the snapshot's started.
6. What is left over is drained and stopped. Every slot must answer. The monitor follows.

A model that cannot be restored does not keep the others from it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from node_scripts.agent import slots
from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.jobs import ensure_job, remove_job, signal_job, supervising
from node_scripts.agent.monitor import live_of, monitor_facts, wait_monitor
from node_scripts.agent.release import link_release
from node_scripts.agent.restore_models import DRAIN_S, PROXY_GLANCE_S, ModelRestore, require_code
from node_scripts.agent.snapshot import FILES, MONITOR, PROXY_PREFIX, file_copy, read_snapshot
from node_scripts.contracts import Job
from node_scripts.files import digest_of, write_atomically
from node_scripts.journals import Snapshot

PROXY_S = 60.0
SOON_S = 15.0
"""A proxy that nobody answers instead of for so long is kept out by one that hangs."""
MONITOR_S = 30.0


@dataclass(slots=True, kw_only=True)
class Restored:
    """What a restore did."""

    release: str | None
    models: dict[str, float] = field(default_factory=dict)
    """Seconds from the begin until each model's loader of the snapshot took its traffic."""
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)
    """What is not as before, and does not concern traffic."""

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "release": self.release,
            "models": {model: round(seconds, 3) for model, seconds in sorted(self.models.items())},
            "seconds": round(self.seconds, 3),
            "remarks": self.remarks,
        }


def restore(context: Context, deploy: str, beside: list[str]) -> Restored:
    """Bring the node to the snapshot before ``deploy``; see above.

    ``beside`` names the models of which the node's memory allows two loaders at once. Raises StepError: that
    of a proxy that does not come back at once, and ``restore_failed`` naming all else that could not be
    brought back, after the rest was.
    """
    begin = time.monotonic()
    snapshot = read_snapshot(context.paths, deploy)
    if snapshot is None:
        raise StepError("no_snapshot", f"this node has no snapshot from before deploy {deploy}")
    proxy = next((job for job in snapshot.jobs if job.name.startswith(PROXY_PREFIX)), None)
    models = ModelRestore(context, snapshot, frozenset(beside))
    if slots.running_release(context, patience_s=PROXY_GLANCE_S) is not None:
        models.flip_back()
    _restore_files(context, deploy, snapshot)
    if proxy is not None:
        _restore_proxy(context, proxy)
        models.start_beside()
        _retire_proxies(context, proxy)
        models.retire_others()
        models.start_in_place()
    else:
        models.retire_others()
        _retire_proxies(context, None)
        context.paths.current.unlink(missing_ok=True)
    models.settle()
    result = Restored(release=snapshot.release, models=models.seconds)
    _restore_monitor(context, snapshot, result)
    result.seconds = time.monotonic() - begin
    if models.failed:
        raise StepError(
            "restore_failed",
            "; ".join(f"{what}: {error.message}" for what, error in models.failed.items()),
            remedy=next((error.remedy for error in models.failed.values() if error.remedy), None),
        )
    return result


def _restore_files(context: Context, deploy: str, snapshot: Snapshot) -> None:
    for name in FILES:
        path = context.paths.root / name
        if name not in snapshot.files:
            path.unlink(missing_ok=True)
            continue
        content = file_copy(context.paths, deploy, name)
        if hashlib.sha256(content).hexdigest() != snapshot.files[name]:
            raise StepError("damaged", f"the snapshot's copy of {name} is damaged", remedy="run `garnet up`")
        if _content(path) != content:
            make_folder(path.parent)
            write_atomically(path, content)


def _restore_proxy(context: Context, job: Job) -> None:
    """Have the proxy of the snapshot hold the sockets, with the settings that lie on the disk."""
    release = job.name.removeprefix(PROXY_PREFIX)
    require_code(job)
    before = _pid_of(context, job.name)
    # The link comes first: a proxy of a release that is not current waits to be removed.
    link_release(context, release=release)
    made = ensure_job(context, job=asdict(job))
    if not made["changed"] and not slots.wait_for_release(context, release, PROXY_GLANCE_S):
        # It was there, draining or waiting to be removed. Not the supervisor's restart, which would hit the
        # process that comes after it: that one sees that it is current, and may have the sockets by now.
        context.progress({"message": f"starting the proxy of release {release} anew"})
        _end(context, before)
    if not _wait_for_proxy(context, release, before) and not _end_hung(context, job, release):
        raise StepError(
            "proxy_down", f"the proxy of release {release} does not answer", remedy="look at `garnet logs`"
        )
    found = slots.proxy_status(context).get("settings_digest")
    if found != digest_of(map(_content, context.paths.settings_files)):
        context.progress({"message": "loading the proxy's configuration"})
        status, body = slots.call(context, "POST", "/control/reload")
        if status != slots.OK:
            raise StepError("proxy_refuses", f"the proxy does not load its configuration: {body}")


def _pid_of(context: Context, name: str) -> int | None:
    with supervising(context) as supervisor:
        return next((job.pid for job in supervisor.statuses() if job.name == name), None)


def _end(context: Context, pid: int | None) -> None:
    """End a proxy's process, unless it is the one that serves."""
    if pid is not None and slots.serving_pid(context) != pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _wait_for_proxy(context: Context, release: str, before: int | None) -> bool:
    """Wait until a proxy of ``release`` answers, for 15 s.

    While another one answers, the process ``before`` may first finish what it has in hand.
    """
    deadline = time.monotonic() + DRAIN_S
    while before is not None and _is_there(before) and time.monotonic() < deadline:
        if slots.wait_for_release(context, release, PROXY_GLANCE_S):
            return True
        if slots.running_release(context) is None:
            break
    return slots.wait_for_release(context, release, SOON_S)


def _end_hung(context: Context, wanted: Job, release: str) -> bool:
    """Kill proxies that hang, the others first; say whether that of ``release`` answers then.

    One that hangs neither gives its sockets away nor ends when it is asked to. The supervisor starts it anew;
    where it is not the current one, it then waits to be removed.
    """
    for own in (False, True):
        if slots.running_release(context) is None:
            with supervising(context) as supervisor:
                proxies = [job for job in supervisor.statuses() if job.name.startswith(PROXY_PREFIX)]
                for job in proxies:
                    if job.pid is not None and (job.name == wanted.name) == own:
                        context.progress({"message": f"{job.name} does not answer: killing it"})
                        supervisor.signal(job.name, "KILL")
            ensure_job(context, job=asdict(wanted))
        if slots.wait_for_release(context, release, PROXY_S):
            return True
    return False


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _retire_proxies(context: Context, kept: Job | None) -> None:
    with supervising(context) as supervisor:
        names = [job.name for job in supervisor.statuses() if job.name.startswith(PROXY_PREFIX)]
    for name in names:
        if kept is None or name != kept.name:
            context.progress({"message": f"retiring {name}"})
            remove_job(context, name=name)


def _restore_monitor(context: Context, snapshot: Snapshot, result: Restored) -> None:
    """Have the monitor as it was; one that does not come back is no reason to do all of it again."""
    job = next((job for job in snapshot.jobs if job.name == MONITOR), None)
    if job is None:
        remove_job(context, name=MONITOR)
        return
    try:
        require_code(job)
        made = ensure_job(context, job=asdict(job))
        loaded = monitor_facts(context.paths, None, live_of(context.paths))["monitor_loaded"]
        if not made["changed"] and not loaded:
            signal_job(context, name=MONITOR, signal="HUP")
        wait_monitor(context, timeout_s=MONITOR_S)
    except StepError as error:
        context.progress({"message": f"the monitor: {error.message}"})
        result.remarks.append(f"the monitor: {error.message}")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
