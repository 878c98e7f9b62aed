"""The proxy's three files, read and checked together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from node_scripts.contracts import SCHEMA, FleetConfig, Keys, ModelConfig
from node_scripts.decoding import decode
from node_scripts.files import digest_of
from node_scripts.paths import NodePaths
from node_scripts.proxy.identity import KeyRing

SECRET_NAME = "GARNET_FLEET_SECRET"  # noqa: S105 -- the variable's name, not its value

_Record = TypeVar("_Record", FleetConfig, Keys)
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SettingsError(Exception):
    """A file of etc/ is missing, unreadable or invalid; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the three files say."""

    fleet: FleetConfig
    keys: KeyRing
    secret: bytes | None = field(repr=False)
    models: Mapping[str, ModelConfig]
    digest: str = ""
    """Of the files that this was read from; tells whether they have changed since."""

    @property
    def listen_host(self) -> str:
        """The host to bind: loopback as long as no client key is in force."""
        return self.fleet.proxy.listen_host if len(self.keys) else "127.0.0.1"


def _decode(content: bytes, kind: type[_Record], name: str) -> _Record:
    try:
        record = decode(content, kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{name}: {error}") from error
    if record.schema > SCHEMA:
        raise SettingsError(f"{name}: schema {record.schema} is newer than this proxy's {SCHEMA}")
    return record


def parse_secret(text: str) -> bytes | None:
    """Return the fleet secret of a secrets file's text; ``None`` if it holds none."""
    for line in text.splitlines():
        name, _, value = line.strip().partition("=")
        if name == SECRET_NAME and value.strip():
            try:
                return bytes.fromhex(value.strip())
            except ValueError as error:
                raise SettingsError(f"secrets.env: {SECRET_NAME} is not hexadecimal") from error
    return None


def parse(fleet: bytes, keys: bytes | None, secrets: str | None) -> Settings:
    """Check the three files' contents; keys and secrets may be absent. Raises SettingsError."""
    config = _decode(fleet, FleetConfig, "fleet.json")
    ring = KeyRing(_decode(keys, Keys, "keys.json").keys if keys is not None else [])
    names = [model.name for model in config.models]
    for model in config.models:
        if not _MODEL_NAME.fullmatch(model.name):
            raise SettingsError(f"fleet.json: not a model name: {model.name!r}")
        if model.concurrency < 1 or model.context < 1:
            raise SettingsError(f"fleet.json: {model.name}: concurrency and context must be at least 1")
    if len(set(names)) != len(names):
        raise SettingsError("fleet.json: a model is listed twice")
    peers = [peer.name for peer in config.peers]
    if len({*peers, config.node}) != len(peers) + 1:
        raise SettingsError("fleet.json: a node is listed twice")
    return Settings(
        fleet=config,
        keys=ring,
        secret=parse_secret(secrets) if secrets is not None else None,
        models={model.name: model for model in config.models},
    )


def load(paths: NodePaths) -> Settings:
    """Read ``etc/``. Raises SettingsError; keys.json and secrets.env may be absent."""
    contents: list[bytes | None] = []
    for path in paths.settings_files:
        try:
            contents.append(path.read_bytes())
        except FileNotFoundError:
            contents.append(None)
        except OSError as error:
            raise SettingsError(f"{path.name}: {error.strerror}") from error
    fleet, keys, secrets = contents
    if fleet is None:
        raise SettingsError("fleet.json: missing")
    settings = parse(fleet, keys, None if secrets is None else secrets.decode("utf-8", "replace"))
    return replace(settings, digest=digest_of(contents))
