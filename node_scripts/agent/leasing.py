"""Steps on the lease: take it, say who has it, break it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.lease import current_lease
from node_scripts.agent.trial import read_trial, undecided
from node_scripts.journals import Lease, Trial
from node_scripts.supervision.processes import run

AGENT_MARK = "node_scripts.agent.__main__"
"""In the command line of every agent, see the operator's launcher."""
TERM_PATIENCE_S = 5.0
KILL_PATIENCE_S = 5.0


def take_lease(context: Context, *, who: str, purpose: str, deploy: str | None = None) -> dict[str, Any]:
    """Hold the right to change this node for the life of the channel.

    ``deploy`` names the deploy that it is for. Errors: ``lease_held`` naming the holder; ``trial_open`` where
    another deploy is neither confirmed nor taken back.
    """
    # Looked at before the lock, which the fuse would take for a sign of life, and again under it.
    _require_no_other_trial(context, deploy)
    held = context.lease.held
    context.lease.take(who, purpose, deploy=deploy, host=operators_host(os.environ.get("SSH_CONNECTION")))
    try:
        _require_no_other_trial(context, deploy)
    except StepError:
        if not held:
            context.lease.release()
        raise
    return {}


def read_lease(context: Context) -> dict[str, Any] | None:
    """Return the lease that somebody holds, this agent included; ``None`` when it is free."""
    lease = current_lease(context.paths.lease_file)
    return asdict(lease) if lease else None


def break_lease(context: Context) -> dict[str, Any]:
    """End the agent that holds the lease, by SIGTERM and then SIGKILL; it is free after this.

    Returns ``lease``, the broken one (``None`` when it was free), and ``signal``, what ended its agent.
    An undecided trial stays, and its fuse takes it back in time. Errors: ``not_an_agent`` where the process
    that is named does not look like one; ``node_reverts`` where the node itself holds it.
    """
    lease = current_lease(context.paths.lease_file)
    if lease is None or (lease.pid == os.getpid() and context.lease.held):
        return {"lease": None, "signal": None}
    if lease.pid and f"{context.paths.fuse}/" in command_of(lease.pid):
        raise StepError(
            "node_reverts",
            f"the node itself holds the lease ({lease.purpose}) since {lease.since}",
            remedy="wait until it is done; `garnet deploy status` shows it",
        )
    ended = end_holder(lease, lambda: current_lease(context.paths.lease_file))
    return {"lease": asdict(lease), "signal": ended}


def end_holder(lease: Lease, current: Callable[[], Lease | None]) -> str | None:
    """End the agent of ``lease`` and wait until it is held no more; return the signal that did it."""
    pid = lease.pid
    if not pid or AGENT_MARK not in command_of(pid):
        raise StepError(
            "not_an_agent",
            f"the lease of {lease.who} ({lease.purpose}) is held by process {pid or 'unknown'}, "
            "which is not a garnet agent",
            remedy="look at that process on the node",
        )
    for number, patience_s in ((signal.SIGTERM, TERM_PATIENCE_S), (signal.SIGKILL, KILL_PATIENCE_S)):
        if not _same_holder(lease, current()):
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not _same_holder(lease, current()):
                return number.name
            time.sleep(0.05)
    raise StepError("lease_held", f"process {pid} of {lease.who} does not end", remedy="end it on the node")


def command_of(pid: int) -> str:
    """Return a process's command line; empty where there is none."""
    arguments: Sequence[str] = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
    done = run(arguments)
    return done.output if done.status == 0 else ""


def operators_host(ssh_connection: str | None) -> str:
    """Return where the operator connects from, by sshd's SSH_CONNECTION; this host without it."""
    return ssh_connection.split()[0] if ssh_connection else socket.gethostname()


def trial_open(trial: Trial) -> StepError:
    """Return the error of who would change a node in the middle of a deploy of somebody else's."""
    if trial.status == "held" and trial.held_until_unix is not None:
        until = datetime.fromtimestamp(trial.held_until_unix, UTC).isoformat(timespec="seconds")
        back = f"until the node takes it back at {until}"
    elif trial.status == "reverting":
        back = "until the node has taken it back"
    else:
        back = f"until the node takes it back, {trial.grace_s:.0f} s after its operator is gone"
    return StepError(
        "trial_open",
        f"{trial.who} deployed here ({trial.purpose}, deploy {trial.deploy}) since {trial.started}: "
        f"{trial.status}" + (f", {trial.reason}" if trial.reason else ""),
        remedy=f"`garnet deploy resume`, `garnet deploy rollback`, or wait {back}",
    )


def _require_no_other_trial(context: Context, deploy: str | None) -> None:
    trial = read_trial(context.paths)
    if trial is not None and undecided(trial) and trial.armed and trial.deploy != deploy:
        raise trial_open(trial)


def _same_holder(lease: Lease, current: Lease | None) -> bool:
    return current is not None and (current.pid, current.since) == (lease.pid, lease.since)
