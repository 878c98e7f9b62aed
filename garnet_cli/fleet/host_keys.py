"""The fleet's own known_hosts file: read, compared, scanned, written."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko

from garnet_cli.errors import GarnetError, UnreachableError, UsageError
from node_scripts.files import write_atomically

KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
)
DEFAULT_PORT = 22


@dataclass(frozen=True, slots=True)
class HostKey:
    """One public key of a host."""

    kind: str
    data: str
    """Base64, as known_hosts files hold it."""

    @property
    def fingerprint(self) -> str:
        """Return ``SHA256:…`` as OpenSSH prints it."""
        return fingerprint(base64.b64decode(self.data))


def fingerprint(key: bytes) -> str:
    """Return OpenSSH's ``SHA256:…`` of a public key's bytes."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def known_name(host: str, port: int) -> str:
    """Return how known_hosts files name ``host`` at ``port``."""
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


@functools.lru_cache(maxsize=8)
def _parse(text: str, path: Path) -> paramiko.HostKeys:
    keys = paramiko.HostKeys()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(("#", "@")):
            continue
        try:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(line, number)
        except (paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, ValueError) as error:
            raise UsageError(f"{path}, line {number}: not a host key ({error})") from error
        if entry is None:
            continue  # a key type that paramiko does not know
        for name in entry.hostnames:
            keys.add(name, entry.key.get_name(), entry.key)
    return keys


def load_known_hosts(path: Path | None) -> paramiko.HostKeys:
    """Return the keys of ``path``; none where there is no file. Equal files are parsed once a process.

    Comments, and ``@cert-authority`` and ``@revoked`` lines, are left out. Raises UsageError naming the
    line that cannot be read.
    """
    if path is None or not path.exists():
        return paramiko.HostKeys()
    return _parse(path.read_text(), path)


def add_host_keys(path: Path, host: str, port: int, keys: Sequence[HostKey]) -> bool:
    """Have ``path`` hold exactly ``keys`` for the host; return whether that changed the file.

    All other lines stay. Written by a rename, so that a reader sees the old file or the new one.
    """
    name = known_name(host, port)
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [kept for line in lines if (kept := _without(line, name)) is not None]
    wanted = [*kept, *(f"{name} {key.kind} {key.data}" for key in sorted(keys, key=lambda key: key.kind))]
    if wanted == lines:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(f"{line}\n" for line in wanted).encode(), mode=0o644)
    return True


def _without(line: str, name: str) -> str | None:
    """Return the line without ``name`` among its hosts; ``None`` where nothing is left of it."""
    if not line.strip() or line.lstrip().startswith(("#", "@")):
        return line
    hosts, _, rest = line.strip().partition(" ")
    others = [each for each in hosts.split(",") if each != name]
    if len(others) == len(hosts.split(",")):
        return line
    return f"{','.join(others)} {rest}" if others else None


def scan_host_keys(node: str, connect: Callable[[], socket.socket | paramiko.Channel]) -> list[HostKey]:
    """Return all keys that a host offers, one connection a kind; nobody logs in.

    ``connect`` opens a connection to the host's SSH port. Raises UnreachableError when it fails or when
    the host offers no key.
    """
    found: dict[str, HostKey] = {}
    failure: Exception | None = None
    for kind in KEY_TYPES:
        try:
            key = _offered(connect(), kind)
        except GarnetError:
            raise
        except (paramiko.SSHException, EOFError, OSError) as error:
            failure = error  # most hosts lack some kinds
            continue
        found[key.kind] = key
    if not found:
        raise UnreachableError(f"no host key was offered: {failure}", node=node)
    return list(found.values())


def _offered(connection: socket.socket | paramiko.Channel, kind: str) -> HostKey:
    with contextlib.closing(connection), contextlib.closing(paramiko.Transport(connection)) as transport:
        transport.get_security_options().key_types = (kind,)
        transport.start_client(timeout=10)
        key = transport.get_remote_server_key()
    return HostKey(key.get_name(), key.get_base64())
