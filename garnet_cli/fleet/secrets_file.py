"""The operator's secrets for telemetry: the store's keys and the alert routes' URLs.

They come from the environment, else from the file that `secrets` of `[telemetry]` names: one
``NAME=value`` a line, empty lines and lines that begin with ``#`` left out, a value optionally in
matching quotes. Their text never appears in a message.
"""

from __future__ import annotations

import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from garnet_cli.errors import UsageError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_values import CONTROL, nearest, shown
from node_scripts.agent.monitor import fingerprint
from node_scripts.monitor.config import SECRET_NAMES

MAX_BYTES = 64 * 1024
OTHERS = stat.S_IRWXG | stat.S_IRWXO
LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


@dataclass(frozen=True, slots=True, repr=False)
class OperatorSecrets:
    """What `up` writes, and the salt under which nodes say whether they have the same; never shown."""

    told: Mapping[str, str]
    """As ``told_secrets`` returns it."""
    salt: str

    @classmethod
    def read(cls, inventory: Inventory, environ: Mapping[str, str]) -> OperatorSecrets:
        """Read them, with a fresh salt. Raises as ``told_secrets``."""
        return cls(told=told_secrets(inventory, environ), salt=secrets.token_hex(16))

    def fingerprints(self) -> dict[str, str]:
        """Return each one's fingerprint by name; empty for one that is to be removed."""
        return {name: fingerprint(self.salt, value) if value else "" for name, value in self.told.items()}


def read_secrets(inventory: Inventory, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of SECRET_NAMES, in their order; the environment wins over the file.

    Raises :class:`UsageError` with every mistake of the file, or where it is missing, or where others
    can read it.
    """
    return {name: value for name, value in told_secrets(inventory, environ).items() if value}


def told_secrets(inventory: Inventory, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what `up` should write; empty is what the file sets to nothing, to be taken away.

    A variable set to nothing counts as not set: that is what CI services make of a secret they lack.
    Raises as ``read_secrets``.
    """
    path = inventory.telemetry.secrets
    found = {} if path is None else parse_secrets(_content(path), path)
    for name in SECRET_NAMES:
        if value := environ.get(name, "").strip():
            found[name] = _checked(value, f"the environment's {name}")
    return {name: found[name] for name in SECRET_NAMES if name in found}


def parse_secrets(text: str, path: Path) -> dict[str, str]:
    """Return the file's names and values. Raises :class:`UsageError` with every mistake by line."""
    found: dict[str, str] = {}
    mistakes = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            # What stands there may be a secret on its own: it is not repeated.
            mistakes.append(f"{path}:{number}: is not of the form NAME=value")
            continue
        name, value = match.groups()
        if name not in SECRET_NAMES:
            hint = nearest(name, list(SECRET_NAMES)) or f", expected {', '.join(SECRET_NAMES)}"
            mistakes.append(f"{path}:{number}: {shown(name)} is no secret of a fleet{hint}")
        elif name in found:
            mistakes.append(f"{path}:{number}: {name} is set twice, expected each name once")
        elif CONTROL.search(value):
            mistakes.append(f"{path}:{number}: {name} holds a control character")
        found[name] = _unquoted(value)
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return found


def _content(path: Path) -> str:
    remedy = "write one NAME=value a line there, or take `secrets` out of [telemetry]"
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise UsageError(f"{path}: is no file of secrets", remedy=remedy)
        if status.st_mode & OTHERS:
            raise UsageError(
                f"{path}: others than you can use it (mode {stat.S_IMODE(status.st_mode):04o})",
                remedy=f"run `chmod 600 {path}`, and change what others may have read",
            )
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file, named by secrets of [telemetry]", remedy=remedy) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text", remedy=remedy) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", remedy=remedy) from error


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _checked(value: str, what: str) -> str:
    if CONTROL.search(value):
        raise UsageError(f"{what} holds a control character", remedy="set it to one line of text")
    return value
