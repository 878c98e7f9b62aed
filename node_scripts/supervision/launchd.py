"""Supervision by launchd: a property list a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from node_scripts.contracts import Job, JobStatus
from node_scripts.supervision.interface import Report, SupervisionError, check_name, stop_rank
from node_scripts.supervision.launchd_files import AgentFiles, DaemonFiles
from node_scripts.supervision.launchd_plist import (
    Account,
    job_from_label,
    job_label,
    job_plist,
    read_job,
    root_hash,
)
from node_scripts.supervision.launchd_print import parse_print
from node_scripts.supervision.processes import Completed, Runner, run

LAUNCHCTL = "/bin/launchctl"
BUSY_CODES = (5, 37)
"""bootstrap's answers while an earlier bootout of the same label is not through."""
BOOTSTRAP_TIMEOUT_S = 20.0
STOP_SLACK_S = 15.0


class Launchd:
    """Jobs of one root in one launchd domain.

    What lies on the disk is what launchd has loaded: a changed property list is written only between a
    finished bootout and its bootstrap. So ``kickstart -k``, which uses the list as first read, is right.
    """

    kind = "launchd"

    def __init__(
        self,
        *,
        fleet: str,
        root: Path,
        account: Account,
        files: DaemonFiles | AgentFiles,
        runner: Runner = run,
        launchctl: str = LAUNCHCTL,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Use the domain and folder of ``files``; every command goes through ``runner``."""
        self._fleet = fleet
        self._root = root
        self._account = account
        self._files = files
        self._runner = runner
        self._launchctl = launchctl
        self._sleep = sleep

    def ensure(self, job: Job, report: Report) -> bool:
        """Have launchd run the job as described; see Supervisor.ensure."""
        label = job_label(self._fleet, self._root, check_name(job.name))
        wanted = job_plist(job, label, self._account, daemon=self._files.daemon)
        path = self._files.folder / f"{label}.plist"
        for other in self._plists(job.name):
            if other != path:
                self._unload(other.stem, job.stop_timeout_s, report)
                self._files.delete(other)
        printed = self._print(label)
        if path.exists() and path.read_bytes() == wanted:
            if printed is not None:
                return self._wake(label, running=parse_print(job.name, printed).state == "running")
        else:
            self._unload(label, job.stop_timeout_s, report)
            self._files.write(path, wanted)
        self._bootstrap(path, label, report)
        return True

    def _wake(self, label: str, *, running: bool) -> bool:
        """Start a loaded job that waits for its throttle interval; one that runs is left alone."""
        if running:
            return False
        self._command("kickstart", self._target(label))
        return True

    def restart(self, name: str, report: Report) -> None:
        """Kill and start the job; see Supervisor.restart."""
        path = self._plist(name)
        if self._print(path.stem) is None:
            self._bootstrap(path, path.stem, report)
        else:
            self._command("kickstart", "-k", self._target(path.stem))

    def remove(self, name: str, report: Report) -> bool:
        """Boot the job out and delete its list; see Supervisor.remove."""
        plists = self._plists(check_name(name))
        for path in plists:
            self._unload(path.stem, self._stop_timeout(path), report)
            self._files.delete(path)
        return bool(plists)

    def statuses(self) -> list[JobStatus]:
        """Return the state of every job of this root."""
        found = []
        for path in sorted(self._files.folder.glob(f"com.garnet.*.{root_hash(self._root)}.*.plist")):
            name = job_from_label(path.stem)
            printed = self._print(path.stem)
            if printed is None:
                found.append(JobStatus(name=name, state="stopped", detail="not loaded into launchd"))
            else:
                found.append(parse_print(name, printed))
        return found

    def definition(self, name: str) -> Job | None:
        """Return what the job's property list says; see Supervisor.definition."""
        plists = self._plists(check_name(name))
        return read_job(self._files.read(plists[0]), self._account) if plists else None

    def signal(self, name: str, signal_name: str) -> None:
        """Signal the job's process; see Supervisor.signal."""
        self._command("kill", f"SIG{signal_name.removeprefix('SIG')}", self._target(self._plist(name).stem))

    def start_at_boot(self, *, wanted: bool, programs: Path | None) -> None:  # noqa: ARG002
        """Daemons start at boot by their nature, agents of a user's domain never do."""
        if wanted and not self._files.daemon:
            raise SupervisionError("jobs cannot be started at boot", remedy=self._files.remedy)

    def describe(self) -> dict[str, Any]:
        """Say which domain is used, and why nothing starts at boot if so."""
        boot = self._files.daemon
        detail = f"domain {self._files.domain}" + ("" if boot else f"; {self._files.remedy}")
        return {"kind": self.kind, "running": True, "starts_at_boot": boot, "detail": detail}

    def shut_down(self, report: Report) -> None:
        """Remove all jobs of this root, see ``stop_rank``; launchd itself is the machine's."""
        for name in sorted((job.name for job in self.statuses()), key=stop_rank):
            self.remove(name, report)

    def _plists(self, name: str) -> list[Path]:
        return sorted(self._files.folder.glob(f"com.garnet.*.{root_hash(self._root)}.{name}.plist"))

    def _plist(self, name: str) -> Path:
        plists = self._plists(check_name(name))
        if not plists:
            raise SupervisionError(f"there is no job {name}")
        return plists[0]

    def _stop_timeout(self, path: Path) -> int:
        return int(self._files.read(path).get("ExitTimeOut", 20))

    def _target(self, label: str) -> str:
        return f"{self._files.domain}/{label}"

    def _print(self, label: str) -> str | None:
        done = self._runner([self._launchctl, "print", self._target(label)])
        return done.output if done.status == 0 else None

    def _unload(self, label: str, stop_timeout_s: int, report: Report) -> None:
        """Boot out and wait until launchd no longer knows the label: bootout only begins it."""
        if self._print(label) is None:
            return
        done = self._launch("bootout", self._target(label))
        deadline = time.monotonic() + stop_timeout_s + STOP_SLACK_S
        while self._print(label) is not None:
            if time.monotonic() > deadline:
                raise _failed("bootout", done)
            report(f"waiting for {label} to stop")
            self._sleep(0.2)

    def _bootstrap(self, path: Path, label: str, report: Report) -> None:
        self._command("enable", self._target(label))
        deadline = time.monotonic() + BOOTSTRAP_TIMEOUT_S
        while (done := self._launch("bootstrap", self._files.domain, str(path))).status:
            if self._print(label) is not None:
                return
            if done.status not in BUSY_CODES or time.monotonic() > deadline:
                raise _failed("bootstrap", done)
            report(f"launchd is not ready for {label} yet")
            self._sleep(0.5)

    def _launch(self, *arguments: str) -> Completed:
        return self._runner([*self._files.prefix, self._launchctl, *arguments])

    def _command(self, *arguments: str) -> None:
        done = self._launch(*arguments)
        if done.status:
            raise _failed(arguments[0], done)


def _failed(verb: str, done: Completed) -> SupervisionError:
    lines = done.output.strip().splitlines()
    line = lines[-1] if lines else "no output"
    return SupervisionError(f"launchctl {verb} failed with {done.status}: {line}", detail=done.output)
