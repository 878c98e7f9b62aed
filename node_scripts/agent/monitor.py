"""Steps on the monitor's files: its secrets, what it saw last, what waits to be shipped."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.files import digest_of, write_atomically
from node_scripts.paths import NodePaths

NAME = re.compile(r"GARNET_(STORE|ROUTE)_[A-Z0-9_]{1,48}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
FINGERPRINT_DIGITS = 12
LOOK_EVERY_S = 0.1
ERROR_AFTER_S = 2.0
"""Until then a refusal may still be that of the settings before."""


def write_monitor_secrets(context: Context, *, values: dict[str, str]) -> dict[str, Any]:
    """Set the named values in ``etc/monitor.env`` and leave the others; an empty one is removed."""
    for name, value in values.items():
        if not NAME.fullmatch(name) or CONTROL.search(value):
            raise StepError("bad_arguments", f"{name[:80]!r} is no secret of a monitor, or not of one line")
    path = context.paths.monitor_secrets_file
    before = secrets_of(path)
    after = {name: value for name, value in {**before, **values}.items() if value}
    if after == before and _is_private(path):
        return {"changed": False}
    make_folder(path.parent)
    write_atomically(path, "".join(f"{name}={value}\n" for name, value in sorted(after.items())).encode())
    return {"changed": True}


def secrets_of(path: Path) -> dict[str, str]:
    """Return the names and values in ``path``; nothing without one."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, equals, value in pairs if equals and NAME.fullmatch(name)}


def fingerprint(salt: str, value: str) -> str:
    """Return what tells whether two secrets are equal, to who knows the salt; to others nothing."""
    return hmac.new(salt.encode(), value.encode(), hashlib.sha256).hexdigest()[:FINGERPRINT_DIGITS]


def monitor_facts(paths: NodePaths, salt: str | None, live: dict[str, Any] | None) -> dict[str, Any]:
    """Return the part of the node's facts that tells of its monitor; without ``salt`` names only."""
    config = _content(paths.monitor_file)
    secrets = secrets_of(paths.monitor_secrets_file)
    digest = (live or {}).get("settings_digest")
    return {
        "monitor_sha256": hashlib.sha256(config).hexdigest() if config is not None else None,
        "monitor_secrets": {
            name: fingerprint(salt, value) if salt else "" for name, value in secrets.items()
        },
        "monitor_loaded": digest == _settings_digest(paths) if digest else None,
    }


def read_live(context: Context) -> dict[str, Any] | None:
    """Return what the monitor saw last; ``None`` where it has not looked yet."""
    return live_of(context.paths)


def live_of(paths: NodePaths) -> dict[str, Any] | None:
    """Return ``run/monitor.json``, which is replaced at every look. Raises StepError (``damaged``)."""
    content = _content(paths.monitor_live_file)
    if content is None:
        return None
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError) as error:
        raise StepError(
            "damaged", f"{paths.monitor_live_file} is damaged: {error}", remedy="look at `garnet logs`"
        ) from error


def wait_monitor(context: Context, *, timeout_s: float) -> dict[str, Any]:
    """Wait until the monitor works by what lies in ``etc/``.

    Error ``monitor_not_ready`` where it does not in time, or refuses what lies there.
    """
    begin = time.monotonic()
    remedy = "look at its log with `garnet logs`"
    while (elapsed := time.monotonic() - begin) < timeout_s:
        live = live_of(context.paths) or {}
        if live.get("settings_digest") == _settings_digest(context.paths):
            return {"elapsed_s": elapsed}
        if live.get("settings_error") and elapsed > ERROR_AFTER_S:
            why = live["settings_error"]
            raise StepError("monitor_not_ready", f"the monitor refuses its settings: {why}", remedy=remedy)
        context.progress_sometimes({"message": "waiting for the monitor", "elapsed_s": elapsed})
        time.sleep(LOOK_EVERY_S)
    raise StepError(
        "monitor_not_ready", f"the monitor has not looked within {timeout_s:.0f} s", remedy=remedy
    )


def spooled(context: Context) -> dict[str, Any]:
    """Return how many minutes wait in the spool for the store; ``None`` where it cannot be read."""
    import sqlite3  # noqa: PLC0415 -- 5 ms that only this step pays

    path = context.paths.spool_file
    if not path.exists():
        return {"minutes": 0}
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as spool:
            return {"minutes": int(spool.execute("SELECT count(*) FROM minutes").fetchone()[0])}
    except sqlite3.Error:
        return {"minutes": None}


def _settings_digest(paths: NodePaths) -> str:
    return digest_of(map(_content, (paths.monitor_file, paths.monitor_secrets_file)))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _is_private(path: Path) -> bool:
    return not path.exists() or path.stat().st_mode & 0o077 == 0
