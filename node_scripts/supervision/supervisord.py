"""Supervision by supervisord: for nodes that are not Macs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import resource
import shlex
import subprocess
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from node_scripts.contracts import Job, JobState, JobStatus
from node_scripts.files import write_atomically
from node_scripts.paths import NodePaths
from node_scripts.supervision.crontab import Crontab
from node_scripts.supervision.interface import Report, SupervisionError, check_name
from node_scripts.supervision.orphans import end_orphans
from node_scripts.supervision.supervisor_client import (
    BAD_NAME,
    NOT_RUNNING,
    SupervisorAwayError,
    SupervisorClient,
)
from node_scripts.supervision.supervisor_config import job_config, main_config, read_job

OPEN_FILES = 65536
START_TIMEOUT_S = 20.0
STOP_SLACK_S = 15.0
YOUNG_S = 2
"""supervisord tells times in whole seconds."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STATES: Mapping[str, JobState] = {
    "RUNNING": "running",
    "STARTING": "starting",
    "BACKOFF": "failed",
    "FATAL": "failed",
    "EXITED": "failed",
    "STOPPING": "stopped",
    "STOPPED": "stopped",
}
ALIVE = ("STARTING", "RUNNING", "BACKOFF", "STOPPING")


class Supervisord:
    """One supervisord for one root, started from an environment when the first job needs it.

    It outlives the agent, and an upgrade of the environment it was started from.
    """

    kind = "supervisord"

    def __init__(self, paths: NodePaths, crontab: Crontab | None = None) -> None:
        """Use the configuration below ``<root>/etc/supervisor``."""
        self._paths = paths
        self._folder = paths.etc / "supervisor"
        self._jobs = self._folder / "jobs"
        self._start_script = self._folder / "start"
        self._client = SupervisorClient(paths.run / "supervisor.sock")
        self._crontab = crontab or Crontab(marker=f"# garnet {paths.root}")

    def ensure(self, job: Job, report: Report) -> bool:
        """Write the job's file and have supervisord run it as written; see Supervisor.ensure."""
        check_name(job.name)
        program = Path(job.argv[0]).parent / "supervisord"
        with self._lock():
            changed = self._write(self._jobs / f"{job.name}.conf", job_config(job))
            if not self._client.answers():
                self._start(program, report)
                return True
            return self._apply(job.name, report, restart_failed=True) or changed

    def _apply(self, name: str, report: Report, *, restart_failed: bool) -> bool:
        """Bring supervisord to what the job's file says."""
        limit_s = self._stop_timeout(name)
        ((added, altered, _removed),) = self._reload()
        if name in altered:
            self._stop(name, limit_s, report)
            self._client.call("removeProcessGroup", name)
        if name in altered or name in added:
            self._client.call("addProcessGroup", name)
            return True
        state = self._info(name)["statename"]
        if state == "BACKOFF" and restart_failed:
            self._stop(name, limit_s, report)
        elif state in ("RUNNING", "STARTING", "BACKOFF"):
            return False
        self._client.call("startProcess", name, False)
        return True

    def restart(self, name: str, report: Report) -> None:
        """Stop and start the job; see Supervisor.restart."""
        check_name(name)
        with self._lock():
            if not (self._jobs / f"{name}.conf").exists():
                raise SupervisionError(f"there is no job {name}")
            if not self._client.answers():
                self._start(None, report)
                return
            if not self._apply(name, report, restart_failed=False):
                self._stop(name, self._stop_timeout(name), report)
                self._client.call("startProcess", name, False)

    def remove(self, name: str, report: Report) -> bool:
        """Stop the job and delete its file; see Supervisor.remove."""
        check_name(name)
        path = self._jobs / f"{name}.conf"
        with self._lock():
            existed = path.exists()
            path.unlink(missing_ok=True)
            if not self._client.answers():
                return existed
            try:
                self._stop(name, self._stop_timeout(name), report)
                self._client.call("removeProcessGroup", name)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != BAD_NAME:
                    raise SupervisionError(f"{name} cannot be removed: {fault.faultString}") from fault
                return existed
            self._reload()
        return True

    def statuses(self) -> list[JobStatus]:
        """Return the jobs that supervisord runs and those that only have a file."""
        try:
            known = {info["group"]: info for info in self._client.call("getAllProcessInfo")}
            absent = "not loaded yet"
        except (SupervisorAwayError, xmlrpc.client.Fault):
            known, absent = {}, "supervisord is not running"
        names = {path.stem for path in self._jobs.glob("*.conf")}
        jobs = [_status(info) for info in known.values()]
        jobs += [JobStatus(name=name, state="stopped", detail=absent) for name in names - set(known)]
        return sorted(jobs, key=lambda job: job.name)

    def definition(self, name: str) -> Job | None:
        """Return what the job's file says; see Supervisor.definition."""
        path = self._jobs / f"{check_name(name)}.conf"
        return read_job(name, path.read_text()) if path.exists() else None

    def signal(self, name: str, signal_name: str) -> None:
        """Signal the job's process; see Supervisor.signal."""
        try:
            self._client.call("signalProcess", check_name(name), signal_name)
        except SupervisorAwayError as error:
            raise SupervisionError("supervisord is not running") from error
        except xmlrpc.client.Fault as fault:
            raise SupervisionError(f"{name} cannot be signalled: {fault.faultString}") from fault

    def start_at_boot(self, *, wanted: bool, programs: Path | None) -> None:
        """Keep one ``@reboot`` line in the user's crontab, or none."""
        if wanted:
            if programs is not None:
                with self._lock():
                    self._write_start_script(programs / "supervisord")
            self._crontab.put(f"@reboot /bin/sh {shlex.quote(str(self._start_script))}")
        else:
            self._crontab.remove()

    def describe(self) -> dict[str, Any]:
        """Say whether supervisord answers and what happens at a reboot."""
        running = self._client.answers()
        boot = self._crontab.present()
        detail = "" if boot else self._crontab.why_absent()
        return {"kind": self.kind, "running": running, "starts_at_boot": boot, "detail": detail}

    def shut_down(self, report: Report) -> None:
        """Stop all jobs and supervisord; see Supervisor.shut_down."""
        with self._lock():
            for path in self._jobs.glob("*.conf"):
                path.unlink()
            self._crontab.remove()
            try:
                longest = self._longest_stop()
                self._client.call("shutdown")
            except (SupervisorAwayError, xmlrpc.client.Fault):
                return
            deadline = time.monotonic() + longest + STOP_SLACK_S
            while (self._paths.run / "supervisor.pid").exists():
                if time.monotonic() > deadline:
                    raise SupervisionError("supervisord does not end", remedy="look at log/supervisord.log")
                report("waiting for supervisord to end")
                time.sleep(0.1)

    def _longest_stop(self) -> float:
        return max(map(self._stop_timeout, (job.name for job in self.statuses())), default=0.0)

    def _stop_timeout(self, name: str) -> float:
        """Return what supervisord, as it last read its files, allows the job for its end."""
        config = self._client.call("getAllConfigInfo")
        return max((float(entry["stopwaitsecs"]) for entry in config if entry["group"] == name), default=20.0)

    def _start(self, program: Path | None, report: Report) -> None:
        if program is not None and (program.exists() or not self._start_script.exists()):
            self._write_start_script(program)
        if not self._start_script.exists():
            raise SupervisionError("supervisord was never started here", remedy="run `garnet up`")
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        user = pwd.getpwuid(os.getuid())
        config = main_config(self._paths.root, files, user.pw_name if user.pw_uid == 0 else None)
        self._write(self._folder / "supervisord.conf", config)
        self._paths.log.mkdir(mode=0o700, parents=True, exist_ok=True)
        end_orphans(sorted(self._jobs.glob("*.conf")), report)
        report("starting supervisord")
        environment = {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
        done = subprocess.run(
            ["/bin/sh", str(self._start_script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**environment, "PATH": SEARCH_PATH, "LANG": "C.UTF-8"},
            cwd=self._paths.root,
            start_new_session=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._client.answers():
            if done.returncode or time.monotonic() > deadline:
                raise SupervisionError(
                    f"supervisord does not start (exit {done.returncode})",
                    remedy="look at log/supervisord.log",
                    detail=done.stdout.decode(errors="replace"),
                )
            time.sleep(0.05)

    def _write_start_script(self, program: Path) -> None:
        if not program.exists():
            raise SupervisionError(
                f"the environment has no supervisord ({program})",
                remedy="build the environment again with the release's lock file",
            )
        command = f"exec {shlex.quote(str(program))} -c {shlex.quote(str(self._folder / 'supervisord.conf'))}"
        self._write(self._start_script, f"#!/bin/sh\n{command}\n")

    def _stop(self, name: str, limit_s: float, report: Report) -> None:
        """Stop the job's process and wait until it is gone. Raises Fault BAD_NAME for an unknown job.

        A process younger than a second may still be supervisord's fork, which loses the signal and would
        be killed only at its stop timeout.
        """
        while (info := self._info(name))["statename"] == "STARTING" and info["now"] - info["start"] < YOUNG_S:
            time.sleep(0.1)
        try:
            self._client.call("stopProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == BAD_NAME:
                raise
            if fault.faultCode != NOT_RUNNING:
                raise SupervisionError(f"{name} cannot be stopped: {fault.faultString}") from fault
        deadline = time.monotonic() + limit_s + STOP_SLACK_S
        while self._info(name)["statename"] in ALIVE:
            if time.monotonic() > deadline:
                raise SupervisionError(f"{name} does not stop", remedy=f"look at log/{name}.log")
            report(f"waiting for {name} to stop")
            time.sleep(0.1)

    def _info(self, name: str) -> dict[str, Any]:
        return dict(self._client.call("getProcessInfo", name))

    def _reload(self) -> Any:
        try:
            return self._client.call("reloadConfig")
        except xmlrpc.client.Fault as fault:
            raise SupervisionError(f"supervisord refuses its files: {fault.faultString}") from fault

    def _write(self, path: Path, content: str) -> bool:
        data = content.encode()
        if path.exists() and path.read_bytes() == data:
            return False
        write_atomically(path, data)
        return True

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One agent at a time: two would start two supervisords."""
        for folder in (self._jobs, self._paths.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _status(info: Mapping[str, Any]) -> JobStatus:
    state = STATES.get(info["statename"], "unknown")
    detail = info["spawnerr"] or ("" if state == "running" else info["description"])
    pid = info["pid"] or None
    since = float(info["start"]) if info["start"] and pid else None
    return JobStatus(name=info["group"], state=state, pid=pid, since_unix=since, detail=detail)
