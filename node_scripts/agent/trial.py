"""The trial of a deploy and the records of those that have ended: their files below ``state/``."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from node_scripts.agent.context import make_folder
from node_scripts.agent.errors import StepError
from node_scripts.contracts import SCHEMA
from node_scripts.files import write_atomically
from node_scripts.journals import DeployRecord, Trial
from node_scripts.paths import NodePaths

DEPLOY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KEPT_DEPLOYS = 5
RECORD_FILE = "record.json"
SNAPSHOT_FILE = "snapshot.json"
UNDECIDED = ("open", "held", "reverting")


def read_trial(paths: NodePaths) -> Trial | None:
    """Return the trial; ``None`` without one. Raises StepError (``damaged``)."""
    content = read_object(paths.trial_file)
    return None if content is None else Trial(**_known(content, Trial))


def write_trial(paths: NodePaths, trial: Trial) -> Trial:
    """Write the trial, as updated now, and return it so."""
    trial = replace(trial, updated=now())
    write_object(paths.trial_file, asdict(trial))
    return trial


def undecided(trial: Trial | None) -> bool:
    """Say whether a deploy is neither confirmed nor taken back."""
    return trial is not None and trial.status in UNDECIDED


def deploy_folder(paths: NodePaths, deploy: str) -> Path:
    """Return the folder of one deploy. Raises StepError for what cannot name one."""
    if not DEPLOY.fullmatch(deploy):
        raise StepError("bad_arguments", f"{deploy!r} cannot name a deploy")
    return paths.deploys / deploy


def read_record(paths: NodePaths, deploy: str) -> DeployRecord | None:
    """Return how a deploy ended; ``None`` where it has not. Raises StepError (``damaged``)."""
    content = read_object(deploy_folder(paths, deploy) / RECORD_FILE)
    return None if content is None else DeployRecord(**_known(content, DeployRecord))


def write_record(paths: NodePaths, record: DeployRecord) -> None:
    """Write how a deploy ended, and forget those before the last five."""
    write_object(deploy_folder(paths, record.deploy) / RECORD_FILE, asdict(record))
    trial = read_trial(paths)
    kept = {each.deploy for each in deploy_records(paths)[:KEPT_DEPLOYS]}
    kept.add(record.deploy)
    if trial is not None and undecided(trial):
        kept.add(trial.deploy)
    for folder in paths.deploys.iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder)


def deploy_records(paths: NodePaths) -> list[DeployRecord]:
    """Return the ended deploys of this node, the newest first. Raises StepError (``damaged``)."""
    if not paths.deploys.is_dir():
        return []
    names = [folder.name for folder in paths.deploys.iterdir() if DEPLOY.fullmatch(folder.name)]
    found = [record for name in names if (record := read_record(paths, name)) is not None]
    return sorted(found, key=lambda record: (record.ended, record.deploy), reverse=True)


def protected_snapshots(paths: NodePaths) -> Iterator[str]:
    """Yield the texts of the snapshots whose parts must stay: the trial's, the last confirmed deploy's."""
    trial = read_trial(paths)
    names = [trial.deploy] if trial is not None and undecided(trial) else []
    names += [record.deploy for record in deploy_records(paths) if record.outcome == "confirmed"][:1]
    for name in names:
        path = deploy_folder(paths, name) / SNAPSHOT_FILE
        if path.exists():
            yield path.read_text()


def read_object(path: Path) -> dict[str, Any] | None:
    """Return a JSON object from ``path``; ``None`` without the file. Raises StepError (``damaged``)."""
    try:
        content = dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StepError("damaged", f"{path} is damaged: {error}", remedy=f"delete {path} there") from error
    if int(content.get("schema", 0)) > SCHEMA:
        raise StepError("damaged", f"{path} was written by a newer Garnet", remedy="use that one")
    return content


def write_object(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object for its owner only."""
    make_folder(path.parent)
    write_atomically(path, json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _known(content: dict[str, Any], kind: Any) -> dict[str, Any]:
    """Leave out what a later Garnet of the same schema may have added."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
