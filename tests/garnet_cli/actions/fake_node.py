"""A node in memory: the agent's steps that actions use, over slots, jobs and files in dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from garnet_cli.errors import NodeError, UnreachableError
from node_scripts.contracts import (
    Latency,
    LoaderSpec,
    LoaderStatus,
    PeerStatus,
    ProxyStatus,
    Slot,
    SlotStatus,
)
from node_scripts.journals import SwapJournal


class FakeNode:
    """Behaves as a healthy node; ``cut_after`` ends the channel once so many steps have been done."""

    def __init__(self, name: str = "one") -> None:
        """Begin with nothing running."""
        self.name = name
        self.slots: dict[str, Slot] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        self.folders: set[str] = set()
        self.serial = 0
        self.done = 0
        self.asked: list[str] = []
        self.cut_after: int | None = None
        self.lose_answer = False
        self.fail: dict[str, NodeError] = {}
        self.test_latencies_ms = [50.0] * 8
        self.errors_of: dict[str, int] = {}
        self.state_of: dict[str, str] = {}
        self.in_flight_of: dict[str, int] = {}
        self.peers: list[PeerStatus] = []

    def ask(self, step: str, *, progress: Callable[[Any], None] | None = None, **arguments: Any) -> Any:
        """Do one step; a cut can come before the step or after it with its answer lost."""
        if self.cut_after is not None and self.done >= self.cut_after:
            if self.lose_answer and self.done == self.cut_after:
                self.done += 1
                getattr(self, f"_{step}")(**arguments)
            raise UnreachableError("the channel was cut", node=self.name)
        self.done += 1
        self.asked.append(step)
        if step in self.fail:
            raise self.fail.pop(step)
        return getattr(self, f"_{step}")(**arguments)

    def reconnect(self) -> None:
        """Let the next command through."""
        self.cut_after = None

    @property
    def journals(self) -> list[SwapJournal]:
        """The swap journals on the node's disk."""
        return [
            msgspec.json.decode(content, type=SwapJournal)
            for path, content in self.files.items()
            if path.startswith("state/swap-")
        ]

    def _prepare_loader(self, model: str, artifact: str) -> dict[str, Any]:
        self.serial += 1
        name = f"loader-{self.serial}"
        self.folders.add(name)
        return {
            "serial": self.serial,
            "name": name,
            "working_directory": f"/node/served/{name}",
            "http_socket": f"/node/run/{name}.http",
            "stats_socket": f"/node/run/{name}.stats",
        }

    def _discard_loader(self, name: str) -> dict[str, Any]:
        self.folders.discard(name)
        return {}

    def _ensure_job(self, job: dict[str, Any]) -> dict[str, Any]:
        changed = self.jobs.get(job["name"]) != job
        self.jobs[job["name"]] = job
        return {"changed": changed}

    def _read_job(self, name: str) -> dict[str, Any] | None:
        return self.jobs.get(name)

    def _remove_job(self, name: str) -> dict[str, Any]:
        slot = next((slot for slot in self.slots.values() if slot.active and slot.active.name == name), None)
        assert slot is None, f"{name} was stopped while it took traffic"
        return {"existed": self.jobs.pop(name, None) is not None}

    def _wait_loader(self, http_socket: str, model: str, timeout_s: float, job: str) -> dict[str, Any]:
        return {}

    def _test_loader(self, **_arguments: Any) -> dict[str, Any]:
        return {"latencies_ms": self.test_latencies_ms, "answers": 8, "failures": []}

    def _write_file(
        self, path: str, content: str, mode: int, event: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        changed = self.files.get(path) != content
        self.files[path] = content
        if event and changed:
            self.events.append(event)
        return {"changed": changed}

    def _delete_file(self, path: str, event: dict[str, Any] | None = None) -> dict[str, Any]:
        if self.files.pop(path, None) is not None and event:
            self.events.append(event)
        return {}

    def _control(self, method: str, path: str, body: Any) -> dict[str, Any]:
        model = path.removeprefix("/control/slots/").split("?")[0]
        if method == "PUT":
            slot = msgspec.convert(body, Slot)
            if slot.active is not None and slot.active.name not in self.jobs:
                return {"status": 409, "body": {"error": {"message": f"{slot.active.name} does not answer"}}}
            self.slots[model] = slot
            return {"status": 200, "body": msgspec.to_builtins(SlotStatus(model=model))}
        if method == "DELETE":
            self.slots.pop(model, None)
            return {"status": 200, "body": {}}
        return {"status": 200, "body": msgspec.to_builtins(self._status())}

    def _status(self) -> ProxyStatus:
        return ProxyStatus(
            node=self.name,
            pid=1,
            release="r",
            started_unix=0,
            listen="127.0.0.1:1",
            slots=[
                SlotStatus(
                    model=slot.model,
                    active=self._loader(slot.active),
                    next=self._loader(slot.next),
                    previous=self._loader(slot.previous),
                )
                for slot in self.slots.values()
            ],
            peers=self.peers,
            requests=0,
            failed=0,
            rejected=0,
            in_flight=0,
        )

    def _loader(self, spec: LoaderSpec | None) -> LoaderStatus | None:
        if spec is None:
            return None
        return LoaderStatus(
            spec=spec,
            state=self.state_of.get(spec.name, "ready"),  # type: ignore[arg-type]
            in_flight=self.in_flight_of.get(spec.name, 0),
            queued=0,
            served=10,
            errors=self.errors_of.get(spec.name, 0),
            latency=Latency(count=0),
            pid=100,
        )
