"""A real OpenSSH server on loopback, with its own keys and configuration."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/libexec")
KEYGEN = shutil.which("ssh-keygen")
PATIENCE_S = 15.0


class Sshd:
    """One server below ``folder``: ``start`` it, connect as ``user`` with ``identity_file``."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, options: str = "") -> None:
        """Make keys and configuration; ``options`` are further lines of sshd_config."""
        if SSHD is None or KEYGEN is None:
            pytest.skip("NO SSHD: OpenSSH's sshd and ssh-keygen are needed to test the SSH transport")
        self.folder = folder
        self.user = getpass.getuser()
        self.port = free_port()
        self.identity_file = folder / "identity"
        self.authorized_keys = folder / "authorized_keys"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.new_host_key()
        make_key(self.identity_file)
        self.authorized_keys.write_text(self.identity_file.with_suffix(".pub").read_text())
        self.authorized_keys.chmod(0o600)

    def new_host_key(self) -> None:
        """Replace the host key; a running server keeps the old one until it is started again."""
        make_key(self.folder / "host_key")

    @property
    def host_public_key(self) -> str:
        """Return ``<type> <base64>`` of the host key."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    def known_hosts(self, path: Path) -> Path:
        """Write a known_hosts file with this server's key, or add it, and return its path."""
        with path.open("a") as stream:
            stream.write(f"[{self.host}]:{self.port} {self.host_public_key}\n")
        return path

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(
            f"ListenAddress {self.host}\nPort {self.port}\nHostKey {self.folder / 'host_key'}\n"
            f"PidFile {self.folder / 'pid'}\nAuthorizedKeysFile {self.authorized_keys}\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"PermitRootLogin prohibit-password\nLogLevel VERBOSE\n{installer_settings()}{self._options}\n"
        )
        config.chmod(0o600)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(config)], stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"sshd does not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)

    def sessions(self) -> list[int]:
        """Return the pids of the processes that serve connections."""
        if self._process is None:
            return []
        listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
        pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
        return [pid for pid, parent in pairs if parent == self._process.pid]

    def cut_sessions(self) -> None:
        """Kill the processes that serve connections: what a network failure looks like."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """Stop the server and cut its sessions."""
        if self._process is not None:
            self.cut_sessions()
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None


@contextlib.contextmanager
def running(folder: Path, options: str = "") -> Iterator[Sshd]:
    """Yield a started server; stop it at the end."""
    server = Sshd(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def installer_settings() -> str:
    """Return sshd's line that gives sessions this machine's settings for package installers.

    A node reaches its package index by its own settings; the nodes of tests are this machine.
    """
    settings = [
        f'{name}="{value}"'
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "UV_", "SSL_CERT_")) or name.lower().endswith("_proxy")
    ]
    return f"SetEnv {' '.join(settings)}\n" if settings else ""


def make_key(path: Path) -> Path:
    """Make an Ed25519 key pair without a passphrase, replacing one that is there."""
    for old in (path, path.with_suffix(".pub")):
        old.unlink(missing_ok=True)
    subprocess.run([str(KEYGEN), "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
