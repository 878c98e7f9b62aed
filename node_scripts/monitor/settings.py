"""The monitor's two files: `etc/monitor.json` and `etc/monitor.env`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from node_scripts.decoding import decode
from node_scripts.files import digest_of
from node_scripts.monitor.config import (
    ACCESS_KEY_NAME,
    MONITOR_SCHEMA,
    SECRET_KEY_NAME,
    SECRET_NAMES,
    MonitorConfig,
)
from node_scripts.paths import NodePaths
from node_scripts.store.objects import Credentials


class MonitorSettingsError(Exception):
    """A file is missing, unreadable or invalid; the message says which and why, never a secret."""


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """What the two files say."""

    config: MonitorConfig
    credentials: Credentials | None = field(repr=False)
    """``None`` leaves an S3 store's credentials to boto3's own chain."""
    secrets: Mapping[str, str] = field(repr=False)
    """What monitor.env holds, by name."""
    digest: str = ""
    """Of the two files; tells whether they have changed since."""


def parse_secrets(text: str) -> dict[str, str]:
    """Return the known names of ``NAME=value`` lines; others, blank lines and comments are left out."""
    found = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and name in SECRET_NAMES and value.strip():
            found[name] = value.strip()
    return found


def parse_settings(content: bytes, secrets: str) -> MonitorSettings:
    """Check the two files' contents. Raises MonitorSettingsError."""
    try:
        config = decode(content, MonitorConfig)
    except msgspec.MsgspecError as error:
        raise MonitorSettingsError(f"monitor.json: {error}") from error
    if config.schema > MONITOR_SCHEMA:
        raise MonitorSettingsError(f"monitor.json: schema {config.schema} is newer than {MONITOR_SCHEMA}")
    if config.sample_s <= 0 or config.minute_s < 1 or config.spool_limit_bytes < 1:
        raise MonitorSettingsError("monitor.json: sample_s, minute_s and spool_limit_bytes must be positive")
    values = parse_secrets(secrets)
    access, secret = values.get(ACCESS_KEY_NAME), values.get(SECRET_KEY_NAME)
    if bool(access) != bool(secret):
        raise MonitorSettingsError(f"monitor.env: only one of {ACCESS_KEY_NAME} and {SECRET_KEY_NAME}")
    return MonitorSettings(
        config=config,
        credentials=Credentials(access, secret) if access and secret else None,
        secrets=values,
    )


def load_settings(paths: NodePaths) -> MonitorSettings:
    """Read both files; monitor.env may be absent. Raises MonitorSettingsError."""
    contents: list[bytes | None] = []
    for path in (paths.monitor_file, paths.monitor_secrets_file):
        try:
            contents.append(path.read_bytes())
        except FileNotFoundError:
            contents.append(None)
        except OSError as error:
            raise MonitorSettingsError(f"{path.name}: {error.strerror}") from error
    config, secrets = contents
    if config is None:
        raise MonitorSettingsError("monitor.json: missing")
    settings = parse_settings(config, (secrets or b"").decode("utf-8", "replace"))
    return replace(settings, digest=digest_of(contents))
