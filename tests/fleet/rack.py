"""A whole fleet for a test: an inventory, real supervisors, proxies and loaders, and the real command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from garnet_cli.actions.demo import free_port
from tests.conftest import CACHE, ROOT

GARNET = str(ROOT / ".venv" / "bin" / "garnet")
PATIENCE_S = 120.0


@dataclass
class RackNode:
    """One node of a test's fleet."""

    name: str
    root: Path
    port: int
    lines: list[str] = field(default_factory=list)
    """Lines of its [[nodes]] table that say how it is reached."""

    @property
    def url(self) -> str:
        """Where its proxy answers."""
        return f"http://127.0.0.1:{self.port}"


class Rack:
    """Nodes below one short temporary folder; everything it started is ended with it."""

    def __init__(
        self,
        names: Sequence[str],
        how: Callable[[str], list[str]] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        """Name the nodes; ``how`` gives each one's transport lines, local ones by default.

        ``wrapper`` is put before every command.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
        self.inventory = self.folder / "inventory.toml"
        self.nodes = [
            RackNode(name, self.folder / name, free_port(), how(name) if how else ['transport = "local"'])
            for name in names
        ]
        self.wrapper = list(wrapper)
        self.shared_environments = True
        self.models: dict[str, dict[str, Any]] = {}
        self.proxy: dict[str, Any] = {"latency_budget_ms": 60000}
        self.store: str | None = None
        """``s3://bucket/prefix`` or a path."""
        self.telemetry: dict[str, Any] = {}
        self.alerts: dict[str, Any] = {}
        self.deploy: dict[str, Any] = {}
        self.secrets: dict[str, str] = {}
        """What the operator's file of secrets holds; without any there is no such file."""
        self.environment = dict(os.environ, GARNET_CACHE=str(CACHE))
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "FORCE_COLOR"):
            self.environment.pop(name, None)

    def __enter__(self) -> Self:
        """Return the rack."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take everything down."""
        self.close()

    def node(self, name: str) -> RackNode:
        """Return one node."""
        return next(node for node in self.nodes if node.name == name)

    def serve(self, model: str, source: Path, *, nodes: Sequence[str] | str = "all", **settings: Any) -> None:
        """Put a model into the inventory."""
        values = {"context": 4096, "concurrency": 4, **settings}
        self.models[model] = {"source": str(source), "nodes": nodes, **values}
        self.write()

    def write(self) -> None:
        """Write the inventory as it is now."""
        lines = ["[fleet]", 'name = "test"']
        if self.shared_environments:
            lines.append(f'environments = "{CACHE / "envs"}"')
        if self.store is not None:
            lines.append(f'store = "{self.store}"')
        for node in self.nodes:
            lines += ["[[nodes]]", f'name = "{node.name}"', f'root = "{node.root}"', *node.lines]
            lines += [f'listen = "127.0.0.1:{node.port}"', 'address = "127.0.0.1"', "boot = false"]
            lines += [f'python = "{ROOT / ".venv" / "bin" / "python"}"', ""]
        for name, settings in self.models.items():
            lines += [
                f'[models."{name}"]',
                *(f"{key} = {json.dumps(value)}" for key, value in settings.items()),
            ]
            lines.append("")
        telemetry = dict(self.telemetry)
        if self.secrets:
            telemetry["secrets"] = str(self._write_secrets())
        tables = {"proxy": self.proxy, "telemetry": telemetry, "alerts": self.alerts, "deploy": self.deploy}
        for name, table in tables.items():
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
        self.inventory.write_text("\n".join(lines) + "\n")

    def _write_secrets(self) -> Path:
        path = self.folder / "secrets.env"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in self.secrets.items()))
        return path

    def garnet(
        self, *arguments: str, code: int | None = 0, timeout: float = 280
    ) -> subprocess.CompletedProcess[str]:
        """Run the real command; ``code`` is the exit code that must come (``None``: any)."""
        done = subprocess.run(
            [*self.wrapper, GARNET, "-i", str(self.inventory), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"garnet {' '.join(arguments)}: exit {done.returncode}, expected {code}\n"
                f"{done.stdout}\n{done.stderr}\n{self.logs()}"
            )
        return done

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the real command in its own process group and return while it runs."""
        return subprocess.Popen(
            [*self.wrapper, GARNET, "-i", str(self.inventory), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``garnet up --yes``."""
        return self.garnet("up", "--yes", *arguments)

    def status(self) -> dict[str, Any]:
        """Return ``garnet status --json`` by node."""
        done = self.garnet("status", "--json", code=None)
        assert done.stdout, f"garnet status: exit {done.returncode}\n{done.stderr}"
        return {one["node"]: one for one in json.loads(done.stdout)}

    def active(self, node: str, model: str) -> dict[str, Any]:
        """Return the status of a slot's active loader; raises KeyError while there is none."""
        slots = self.status()[node]["proxy"]["slots"]
        slot = next(slot for slot in slots if slot["model"] == model)
        if slot["active"] is None:
            raise KeyError(model)
        found: dict[str, Any] = slot["active"]
        return found

    def logs(self) -> str:
        """Return the tail of every log, for a failure's message."""
        return "\n".join(
            f"--- {node.name} {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for node in self.nodes
            for path in sorted((node.root / "log").glob("*.log"))
        )

    def close(self) -> None:
        """Take the fleet down and delete its files; asserts that no process of it is left."""
        self.write()
        done = self.garnet("down", "--yes", "--purge", "--discard-minutes", code=None)
        left = wait_for_end(processes_below(self.folder))
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not left, f"left behind: {left}\n{done.stdout}\n{done.stderr}"


def eventually(condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
    """Wait until ``condition`` returns something true and return it; KeyError counts as not yet."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            found = condition()
        except (KeyError, TypeError):
            found = None
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.1)


def processes_below(folder: Path) -> list[int]:
    """Return the processes whose command line names ``folder``."""
    import psutil  # noqa: PLC0415 -- only here

    return [
        process.pid
        for process in psutil.process_iter(["pid", "cmdline"])
        if process.pid != os.getpid() and any(str(folder) in part for part in process.info["cmdline"] or [])
    ]


def wait_for_end(pids: Sequence[int], timeout_s: float = 10.0) -> list[int]:
    """Wait until the processes have ended and return those that have not."""
    import psutil  # noqa: PLC0415

    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout_s)
    return [process.pid for process in alive]
