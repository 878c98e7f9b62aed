"""The step that says what this node is."""

from __future__ import annotations

import hashlib
import http.client
import json
import platform
import shutil
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from node_scripts.agent.artifact import artifacts as complete_artifacts
from node_scripts.agent.context import Context
from node_scripts.agent.environment import environments
from node_scripts.agent.errors import StepError
from node_scripts.agent.host import host_facts
from node_scripts.agent.jobs import defined_jobs
from node_scripts.agent.lease import current_lease
from node_scripts.agent.loaders import loader_folders, next_serial
from node_scripts.agent.monitor import live_of, monitor_facts
from node_scripts.agent.read_write import secret_of
from node_scripts.agent.release import current_release, releases
from node_scripts.agent.trial import deploy_records, read_trial
from node_scripts.agent.unix_http import request_json
from node_scripts.agent.uv import find_uv
from node_scripts.files import digest_of
from node_scripts.paths import NodePaths
from node_scripts.supervision.choose import supervisor_for
from node_scripts.supervision.interface import SupervisionError

STATUS_TIMEOUT_S = 2.0
OK = 200


def facts(
    context: Context,
    *,
    listen: str | None = None,
    artifacts: list[str] | None = None,
    salt: str | None = None,
) -> dict[str, Any]:
    """Return the node as it is; changes nothing, not even a folder.

    ``listen`` asks whether ``host:port`` is free, this node's own proxy's, or taken. ``artifacts``
    limits the artifacts reported to these ids. ``salt`` asks for fingerprints of the monitor's secrets.
    """
    paths = context.paths
    found = complete_artifacts(paths)
    wanted = found if artifacts is None else {name: found[name] for name in artifacts if name in found}
    fleet = _content(paths.fleet_file)
    secret = secret_of(paths.secrets_file)
    disk = shutil.disk_usage(_existing(paths.root))
    proxy = _proxy_status(paths)
    live = live_of(paths)
    return {
        **host_facts(),
        **_supervision(paths),
        "python": {"path": sys.executable, "version": platform.python_version()},
        "uv": find_uv(),
        "root": str(paths.root),
        "disk_free_bytes": disk.free,
        "disk_total_bytes": disk.total,
        "time_unix": time.time(),
        "release": current_release(paths),
        "releases": releases(paths),
        "environments": environments(paths.environments),
        "artifacts": wanted,
        "fleet_sha256": hashlib.sha256(fleet).hexdigest() if fleet is not None else None,
        "keys": _json_file(paths.keys_file),
        "secret_fingerprint": hashlib.sha256(secret.encode()).hexdigest()[:12] if secret else None,
        "slots": _json_file(paths.slots_file),
        "swaps": [_json_file(path) for path in sorted(paths.state.glob("swap-*.json"))],
        "settings_loaded": _settings_loaded(paths, proxy),
        "listen_state": listen_state(proxy, listen) if listen else None,
        "lease": _as_dict(current_lease(paths.lease_file)),
        "loader_folders": loader_folders(paths),
        "next_serial": next_serial(paths),
        "defined_jobs": defined_jobs(paths),
        **monitor_facts(paths, salt, live),
        "trial": _as_dict(read_trial(paths)),
        "deploys": [asdict(record) for record in deploy_records(paths)],
        "live": live,
    }


def listen_state(proxy: dict[str, Any] | None, listen: str) -> str:
    """Return ``free``, ``ours`` or ``taken``; an address that this node does not have is ``taken``.

    ``proxy`` is what this node's own proxy says of itself, if it answers.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if _answers(host, int(port)) or not _can_bind(host, int(port)):
        own = str(proxy["listen"]).rpartition(":")[2] if proxy else None
        return "ours" if own == port else "taken"
    return "free"


def _answers(host: str, port: int) -> bool:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    try:
        with socket.create_connection((reachable, port), timeout=1.0):
            return True
    except OSError:
        return False


def _can_bind(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _proxy_status(paths: NodePaths) -> dict[str, Any] | None:
    try:
        code, status = request_json(
            str(paths.control_socket), "GET", "/control/status", None, STATUS_TIMEOUT_S
        )
    except (OSError, http.client.HTTPException):
        return None
    return status if code == OK and isinstance(status, dict) and "listen" in status else None


def _settings_loaded(paths: NodePaths, proxy: dict[str, Any] | None) -> bool | None:
    """Say whether the proxy works by what lies on the disk; ``None`` where it cannot be told."""
    if proxy is None or not proxy.get("settings_digest"):
        return None
    return bool(proxy["settings_digest"] == digest_of(map(_content, paths.settings_files)))


def _supervision(paths: NodePaths) -> dict[str, Any]:
    try:
        supervisor = supervisor_for(paths)
        jobs = [asdict(job) for job in supervisor.statuses()]
        return {"jobs": jobs, "supervisor": supervisor.describe()}
    except SupervisionError as error:
        raise StepError("supervisor", error.message, remedy=error.remedy, detail=error.detail) from error


def _as_dict(value: Any) -> dict[str, Any] | None:
    return None if value is None else asdict(value)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _json_file(path: Path) -> Any:
    content = _content(path)
    if content is None:
        return None
    try:
        return json.loads(content)
    except ValueError as error:
        raise StepError("damaged", f"{path} is not JSON: {error}", remedy="restore or delete it") from error


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
