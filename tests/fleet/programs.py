"""Changed copies of the program: other releases, good ones and bad ones, and their `garnet`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.fleet.rack import GARNET, Rack

PACKAGES = ("garnet_cli", "node_scripts")
COMMENT = "\n# Another release.\n"


@dataclass(frozen=True, slots=True)
class Program:
    """A copy of the program in a folder of its own."""

    folder: Path
    rack: Rack

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of its `garnet`."""
        python = str(Path(GARNET).with_name("python"))
        return [python, "-m", "garnet_cli.cli.main", "-i", str(self.rack.inventory), *arguments]

    def environment(self) -> dict[str, str]:
        """Return what its processes are given."""
        return dict(self.rack.environment, PYTHONPATH=str(self.folder))

    def garnet(
        self,
        *arguments: str,
        code: int | None = 0,
        timeout: float = 280,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run its `garnet` and return how it ended; ``code`` is the exit code that must come."""
        done = subprocess.run(
            self.command(*arguments),
            env={**self.environment(), **(environment or {})},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"garnet {' '.join(arguments)}: exit {done.returncode}, expected {code}\n"
                f"{done.stdout}\n{done.stderr}\n{self.rack.logs()}"
            )
        return done

    def begin(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start its `garnet` in a process group of its own, writing to ``log``, and return while it runs."""
        with log.open("wb") as stream:
            return subprocess.Popen(
                self.command(*arguments),
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def program(rack: Rack, name: str, changes: Mapping[str, tuple[str, str]]) -> Program:
    """Return a copy of the program in which each file of ``changes`` has one text replaced by another.

    An empty text to replace means the end of the file.
    """
    folder = rack.folder / f"program-{name}"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path, (old, new) in changes.items():
        file = folder / path
        content = file.read_text()
        if old not in content:
            raise AssertionError(f"{path} has no {old!r} to change")
        file.write_text(content.replace(old, new, 1) if old else content + new)
    return Program(folder, rack)


def slower(rack: Rack, name: str, seconds: float, node: str = "") -> Program:
    """Return a program whose proxies wait before they serve; only those of ``node`` where it is named."""
    only = f"if node.settings.fleet.node == {node!r}:\n            " if node else ""
    served = "        await node.service.serve(call, gate, reply)\n"
    return program(
        rack,
        name,
        {"node_scripts/proxy/app.py": (served, f"        {only}await asyncio.sleep({seconds})\n" + served)},
    )


def release_of(node_root: Path) -> str:
    """Return the release that ``current`` points at."""
    return Path(os.readlink(node_root / "current")).name  # noqa: PTH115 -- a link that may dangle
