"""The fuse: the node's own process that takes a trial back when nobody confirms it.

The rule: nobody has held the node's lease for the trial's grace time, by the monotonic clock, and the trial
is open, or it is held and its time has passed. What an agent or an earlier fuse left half reverted goes on
as soon as the lease is free. A revert that fails is tried again, with growing pauses.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.deploy import deploy_lock, finish_confirmed
from node_scripts.agent.errors import StepError
from node_scripts.agent.fuse_job import FUSE_JOB, remove_fuse
from node_scripts.agent.lease import LeaseHolder, current_lease
from node_scripts.agent.take_back import take_back
from node_scripts.agent.trial import read_record, read_trial, undecided
from node_scripts.journals import Trial
from node_scripts.paths import NodePaths

WHO = "the node itself"
LOOK_EVERY_S = 0.25
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 300.0
IDLE_S = 30.0
"""Between two attempts to be removed."""
REMOVE = "--remove"

Move = Literal["nothing", "wait", "revert"]


def move(trial: Trial | None, *, confirmed: bool, quiet_s: float, now_unix: float) -> Move:
    """Return what the fuse does now; ``quiet_s`` is for how long nobody has held the lease."""
    if trial is None or confirmed or not undecided(trial):
        return "nothing"
    if trial.status == "reverting":
        return "revert" if quiet_s > 0 else "wait"
    if quiet_s < trial.grace_s:
        return "wait"
    if trial.status == "held" and (trial.held_until_unix is None or now_unix < trial.held_until_unix):
        return "wait"
    return "revert"


def reason_of(trial: Trial) -> str:
    """Return why the node takes this trial back."""
    if trial.status == "reverting":
        return trial.reason
    if trial.status == "held":
        until = datetime.fromtimestamp(trial.held_until_unix or 0.0, UTC).isoformat(timespec="seconds")
        return f"it was held until {until} ({trial.reason}) and nobody decided"
    return f"nobody confirmed it, and its operator was gone for {trial.grace_s:.0f} s"


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failed attempts in a row."""
    return float(min(FIRST_PAUSE_S * 2.0 ** (failures - 1), LONGEST_PAUSE_S))


@dataclass(slots=True)
class Quiet:
    """For how long nobody has held the lease."""

    path: Path
    monotonic: Callable[[], float] = time.monotonic
    _since: float | None = None
    _stamp: int | None = None

    def seconds(self) -> float:
        """Look once; a lease that was taken and given back since the last look counts as held just now."""
        now = self.monotonic()
        stamp = self.path.stat().st_mtime_ns if self.path.exists() else None
        if self._since is None or stamp != self._stamp or current_lease(self.path) is not None:
            self._since, self._stamp = now, stamp
        return now - self._since


@dataclass(slots=True)
class Fuse:
    """One look after the other; the clocks are passed in."""

    context: Context
    quiet: Quiet
    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    take_back: Callable[..., Any] = take_back
    failures: int = 0
    not_before: float = field(default=0.0)

    def look(self) -> Move:
        """Do what is due and return what that was."""
        trial, due = self._due()
        if trial is None or due != "revert":
            return due
        if self.monotonic() < self.not_before:
            return "wait"
        try:
            self.context.lease.take(
                WHO, f"reverting deploy {trial.deploy}", deploy=trial.deploy, host=socket.gethostname()
            )
        except StepError as error:
            self._tell(f"not now: {error.message}")
            return "wait"
        try:
            self._revert(trial)
        finally:
            self.context.lease.release()
        return "revert"

    def _due(self) -> tuple[Trial | None, Move]:
        paths = self.context.paths
        quiet_s = self.quiet.seconds()
        trial = read_trial(paths)
        record = read_record(paths, trial.deploy) if trial is not None else None
        confirmed = record is not None and record.outcome == "confirmed"
        return trial, move(trial, confirmed=confirmed, quiet_s=quiet_s, now_unix=self.wall())

    def _revert(self, seen: Trial) -> None:
        """Revert under the lease, if the trial is still what it was without it."""
        trial = read_trial(self.context.paths)
        if trial is None or (trial.deploy, trial.status, trial.updated) != (
            seen.deploy,
            seen.status,
            seen.updated,
        ):
            return
        self._tell(f"taking deploy {trial.deploy} back: {reason_of(trial)}")
        try:
            self.take_back(self.context, trial, reason=reason_of(trial), by_node=True)
        except Exception as error:  # noqa: BLE001 -- whatever it was, another attempt may do better
            self.failures += 1
            self.not_before = self.monotonic() + pause_s(self.failures)
            traceback.print_exception(error)
            self._tell(f"failed, again in {pause_s(self.failures):.0f} s: {error}")
        else:
            self.failures = 0
            self._tell(f"deploy {trial.deploy} is taken back")

    def _tell(self, message: str) -> None:
        self.context.progress({"message": message})


def main(arguments: Sequence[str]) -> None:
    """Watch the root ``arguments[0]`` with the environments' folder ``arguments[1]``; never returns.

    With ``--remove`` behind them: remove the fuse's job if no trial needs it, and return.
    """
    os.umask(0o077)
    paths = NodePaths.at(Path(arguments[0]), Path(arguments[1]))
    context = Context(paths=paths, lease=LeaseHolder(paths.lease_file), send_progress=_log)
    if REMOVE in arguments:
        remove_if_idle(context)
        return
    _log({"message": "watching"})
    fuse = Fuse(context, Quiet(paths.lease_file))
    while True:
        if fuse.look() == "nothing":
            _leave(paths)
            time.sleep(IDLE_S)
        time.sleep(LOOK_EVERY_S)


def remove_if_idle(context: Context) -> bool:
    """Remove the fuse unless a trial needs it by now; say whether it was removed."""
    paths = context.paths
    make_folder(paths.state)
    with deploy_lock(context):
        trial = read_trial(paths)
        record = read_record(paths, trial.deploy) if trial is not None else None
        if trial is not None and record is not None and record.outcome == "confirmed":
            finish_confirmed(context, trial.deploy)
        elif undecided(trial):
            return False
        remove_fuse(context)
    return True


def _leave(paths: NodePaths) -> None:
    """Have this job removed by a process that does not end with it."""
    command = [
        sys.executable,
        "-I",
        "-S",
        "-B",
        sys.argv[0],
        str(paths.root),
        str(paths.environments),
        REMOVE,
    ]
    with (paths.log / f"{FUSE_JOB}.log").open("ab") as log:
        # Not this process's own output, which the supervisor may close with the job.
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def _log(value: Any) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = value.get("message", value) if isinstance(value, dict) else value
    sys.stdout.write(f"{now} {told}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
