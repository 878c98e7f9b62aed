"""A node whose supervisor, proxy and loaders are simulated, and which can be cut off at any act upon them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.release import current_release
from node_scripts.agent.snapshot import LOADER_PREFIX, PROXY_PREFIX
from node_scripts.contracts import Job, JobStatus, LoaderSpec, Slot
from node_scripts.files import digest_of
from tests.node_scripts.agent.local_agent import context_at

NO_PROCESS = 2**22 + 1
"""More than any process's number."""


class CutError(BaseException):
    """The process ends here, as by SIGKILL: nothing catches it."""


@dataclass
class SimulatedNode:
    """Acts are counted; what must hold at every moment is checked at each of them."""

    context: Context
    jobs: dict[str, Job] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    serving: str | None = None
    """The release of the proxy that has the sockets."""
    answering: set[str] = field(default_factory=set)
    """Loaders that answered since they were started; only these may be flipped to."""
    broken: set[str] = field(default_factory=set)
    """Loaders that never answer, and releases whose proxy never does."""
    hung: set[str] = field(default_factory=set)
    """Releases whose proxy neither answers nor gives its sockets away."""
    guarded: set[str] = field(default_factory=set)
    """Models that must have an active loader that answers, at every moment."""
    loaded: str = ""
    acts: list[str] = field(default_factory=list)
    cut_at: int | None = None
    kind = "simulated"

    # --- making it ----------------------------------------------------------------------------

    def add_release(self, release: str) -> Job:
        """Put a release on the disk and return its proxy's job."""
        folder = self.context.paths.releases / release
        folder.mkdir(parents=True)
        return self.job(f"{PROXY_PREFIX}{release}", release)

    def job(self, name: str, release: str) -> Job:
        """Return a job that runs from a release."""
        python = self.context.paths.environments / "e" / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()
        return Job(
            name=name,
            argv=[str(python), "-m", name],
            working_directory=str(self.context.paths.root),
            log=str(self.context.paths.log / f"{name}.log"),
            environment={"PYTHONPATH": str(self.context.paths.releases / release)},
        )

    def loader(self, name: str, model: str, artifact: str = "a") -> LoaderSpec:
        """Put a loader's folder on the disk and return its spec."""
        paths = self.context.paths
        (paths.artifacts / artifact).mkdir(parents=True, exist_ok=True)
        folder = paths.served / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / model).symlink_to(Path("../../artifacts") / artifact)
        return LoaderSpec(
            name=name,
            model=model,
            artifact=artifact,
            runtime="r",
            http_socket=str(paths.run / f"{name}.http"),
            stats_socket=str(paths.run / f"{name}.stats"),
            source=f"source of {name}",
        )

    def start(self, job: Job) -> None:
        """Have a job run and answer, without that being an act."""
        self.jobs[job.name] = job
        if job.name.startswith(LOADER_PREFIX):
            self.answering.add(job.name)

    def put(self, slot: Slot) -> None:
        """Set a slot, without that being an act."""
        self.slots[slot.model] = slot
        self._write_slots()

    # --- the supervisor -----------------------------------------------------------------------

    def ensure(self, job: Job, report: object) -> bool:
        """See Supervisor.ensure; a proxy of the current release takes the sockets over."""
        self._act(f"ensure {job.name}")
        changed = self.jobs.get(job.name) != job
        if changed:
            self.jobs[job.name] = job
            self.answering.discard(job.name)
        if job.name.startswith(PROXY_PREFIX):
            release = job.name.removeprefix(PROXY_PREFIX)
            current = current_release(self.context.paths) == release
            if current and release not in self.broken and self.serving not in self.hung:
                self.serving = release
                self.loaded = self._settings()
        self._check()
        return changed

    def restart(self, name: str, report: object) -> None:
        """See Supervisor.restart."""
        self._act(f"restart {name}")
        self.answering.discard(name)
        self._check()

    def remove(self, name: str, report: object) -> bool:
        """See Supervisor.remove."""
        self._act(f"remove {name}")
        existed = self.jobs.pop(name, None) is not None
        self.answering.discard(name)
        if name == f"{PROXY_PREFIX}{self.serving}":
            self.serving = None
        self._check()
        return existed

    def statuses(self) -> list[JobStatus]:
        """See Supervisor.statuses."""
        return [
            JobStatus(name=name, state="failed" if name in self.broken else "running", pid=NO_PROCESS)
            for name in sorted(self.jobs)
        ]

    def definition(self, name: str) -> Job | None:
        """See Supervisor.definition."""
        return self.jobs.get(name)

    def describe(self) -> dict[str, Any]:
        """See Supervisor.describe."""
        return {"running": True}

    def signal(self, name: str, signal_name: str) -> None:
        """See Supervisor.signal."""
        self._act(f"{signal_name} {name}")
        if signal_name == "KILL" and name.removeprefix(PROXY_PREFIX) in self.hung:
            self.hung.remove(name.removeprefix(PROXY_PREFIX))
            self.serving = None

    # --- the proxy and the loaders ------------------------------------------------------------

    def control(self, context: Context, *, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """See the step ``control``."""
        if self.look() is None:
            raise StepError("proxy_down", "nobody listens")
        if method == "GET":
            return {"status": 200, "body": self._status()}
        self._act(f"{method} {path}")
        if path == "/control/reload":
            self.loaded = self._settings()
            return {"status": 200, "body": {}}
        model = path.removeprefix("/control/slots/").partition("?")[0]
        if method == "DELETE":
            self.slots.pop(model, None)
        else:
            specs = {
                place: None if body[place] is None else LoaderSpec(**body[place])
                for place in ("active", "next", "previous")
            }
            active = specs["active"]
            if active is not None and active.name not in self.answering and "force" not in path:
                return {"status": 409, "body": {"error": {"message": "it does not answer"}}}
            self.slots[model] = Slot(model=model, **specs)
        self._write_slots()
        self._check()
        return {"status": 200, "body": {}}

    def look(self) -> dict[str, Any] | None:
        """See ``slots.look_at_proxy``."""
        return None if self.serving is None or self.serving in self.broken | self.hung else self._status()

    def wait_loader(
        self, context: Context, *, http_socket: str, model: str, timeout_s: float, job: str
    ) -> dict[str, Any]:
        """See the step ``wait_loader``."""
        if job not in self.jobs or job in self.broken:
            raise StepError("loader_not_ready", f"{job} does not answer")
        self._act(f"wait for {job}")
        self.answering.add(job)
        return {}

    def complete(self, context: Context, model: str) -> tuple[int, Any]:
        """Answer a completion through the proxy."""
        active = self.slots[model].active
        return (200, {}) if active is not None and active.name in self.answering else (503, "nobody answers")

    def _status(self) -> dict[str, Any]:
        def shown(spec: LoaderSpec | None) -> dict[str, Any] | None:
            if spec is None:
                return None
            state = "ready" if spec.name in self.answering else "down"
            return {"spec": asdict(spec), "state": state, "in_flight": 0}

        slots = [
            {
                "model": slot.model,
                **{place: shown(getattr(slot, place)) for place in ("active", "next", "previous")},
            }
            for slot in self.slots.values()
        ]
        return {
            "node": "one",
            "release": self.serving,
            "pid": 1,
            "slots": slots,
            "peers": [],
            "settings_digest": self.loaded,
        }

    # --- what holds at every moment -----------------------------------------------------------

    def _act(self, what: str) -> None:
        self.acts.append(what)
        if self.cut_at is not None and len(self.acts) > self.cut_at:
            raise CutError(what)

    def _check(self) -> None:
        for model in self.guarded:
            assert self.serving is not None, self.acts
            active = self.slots[model].active
            assert active is not None, self.acts
            assert active.name in self.answering, self.acts

    def _settings(self) -> str:
        files = self.context.paths.settings_files
        return digest_of(path.read_bytes() if path.exists() else None for path in files)

    def _write_slots(self) -> None:
        table = {"schema": 1, "slots": {model: asdict(slot) for model, slot in self.slots.items()}}
        self.context.paths.slots_file.write_text(json.dumps(table))


def simulated(root: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedNode:
    """Return a node of a fleet in ``root``, with nothing on it yet."""
    context = context_at(root)
    context.paths.make()
    context.paths.fleet_file.write_text('{"fleet": "f", "node": "one"}')
    node = SimulatedNode(context)
    agent = "node_scripts.agent"
    monkeypatch.setattr(f"{agent}.jobs.supervisor_for", lambda _paths: node)
    monkeypatch.setattr(f"{agent}.slots.control", node.control)
    monkeypatch.setattr(f"{agent}.slots.look_at_proxy", lambda _context: node.look())
    monkeypatch.setattr(f"{agent}.slots._complete", node.complete)
    monkeypatch.setattr(f"{agent}.slots.PROXY_PATIENCE_S", 0.0)
    monkeypatch.setattr(f"{agent}.slots.PROBE_PATIENCE_S", 0.2)
    monkeypatch.setattr(f"{agent}.restore_models.wait_loader", node.wait_loader)
    for name in ("PROXY_GLANCE_S", "SERVED_S"):
        monkeypatch.setattr(f"{agent}.restore_models.{name}", 0.0)
    for name in ("PROXY_GLANCE_S", "PROXY_S", "SOON_S"):
        monkeypatch.setattr(f"{agent}.restore.{name}", 0.0)
    monkeypatch.setattr(f"{agent}.restore.wait_monitor", lambda _context, **_limits: None)
    return node
