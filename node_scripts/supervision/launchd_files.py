"""Where property lists lie, and who may write them."""

from __future__ import annotations

import os
import plistlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node_scripts.files import write_atomically
from node_scripts.supervision.interface import SupervisionError
from node_scripts.supervision.processes import Runner, run

SUDO = ("/usr/bin/sudo", "-n")


@dataclass(frozen=True, slots=True)
class DaemonFiles:
    """The system's domain: root's files, reached by ``sudo -n``."""

    folder: Path = Path("/Library/LaunchDaemons")
    runner: Runner = run
    prefix: tuple[str, ...] = SUDO
    owner: tuple[str, str] = ("root", "wheel")

    daemon = True
    domain = "system"
    remedy = ""

    def write(self, path: Path, content: bytes) -> None:
        """Install ``content`` as root's file, by a rename. Raises SupervisionError."""
        with tempfile.NamedTemporaryFile(suffix=".plist") as temporary:
            temporary.write(content)
            temporary.flush()
            staged = path.with_suffix(".staged")
            user, group = self.owner
            install = ["/usr/bin/install", "-o", user, "-g", group, "-m", "0644"]
            self._sudo([*install, temporary.name, str(staged)])
            self._sudo(["/bin/mv", "-f", str(staged), str(path)])

    def delete(self, path: Path) -> None:
        """Delete root's file. Raises SupervisionError."""
        self._sudo(["/bin/rm", "-f", str(path)])

    def read(self, path: Path) -> dict[str, Any]:
        """Return a property list as a dictionary."""
        return dict(plistlib.loads(path.read_bytes()))

    def _sudo(self, command: list[str]) -> None:
        done = self.runner([*self.prefix, *command])
        if done.status:
            raise SupervisionError(
                f"{' '.join(command[:1])} failed as root: {done.output.strip()}",
                remedy="allow this user `sudo` without a password",
            )


@dataclass(frozen=True, slots=True)
class AgentFiles:
    """A user's own background domain: no root needed, nothing runs before that user's first login."""

    home: Path
    identity: int

    daemon = False
    prefix = ()
    remedy = "allow this user `sudo` without a password, then run `garnet up` again"

    @property
    def folder(self) -> Path:
        """Return the folder of the user's lists."""
        return self.home / "Library" / "LaunchAgents"

    @property
    def domain(self) -> str:
        """Return the domain that exists over SSH: ``gui/<uid>`` needs somebody logged in."""
        return f"user/{self.identity}"

    def write(self, path: Path, content: bytes) -> None:
        """Write the list. Raises ``OSError``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content, mode=0o644)

    def delete(self, path: Path) -> None:
        """Delete the list."""
        path.unlink(missing_ok=True)

    def read(self, path: Path) -> dict[str, Any]:
        """Return a property list as a dictionary."""
        return dict(plistlib.loads(path.read_bytes()))


def can_sudo(runner: Runner = run) -> bool:
    """Say whether ``sudo`` works without a password."""
    return os.geteuid() == 0 or runner([*SUDO, "/usr/bin/true"]).status == 0
