"""What ``state/trial.json`` tells of a deploy that the node takes back, or has taken back, by itself."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import msgspec

from node_scripts.decoding import decode
from node_scripts.journals import Trial
from node_scripts.monitor.sample import TakenBack

TOLD_S = 86400.0
"""How long one that is through is told of."""

_LOG = logging.getLogger("garnet.monitor")


def read_taken_back(path: Path, now_unix: float) -> TakenBack | None:
    """Return the deploy that was taken back within the last day, or of which that keeps failing.

    ``None`` also where the file cannot be read, which the log says.
    """
    try:
        trial = decode(path.read_bytes(), Trial)
        age_s = now_unix - datetime.fromisoformat(trial.updated).timestamp()
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        _LOG.error("%s: %s", path.name, error)
        return None
    if trial.status == "reverting" and trial.failure:
        return TakenBack(
            deploy=trial.deploy, reason=trial.reason, attempts=trial.attempts, failure=trial.failure
        )
    if trial.status == "reverted" and trial.by_node and age_s < TOLD_S:
        return TakenBack(deploy=trial.deploy, reason=trial.reason, attempts=trial.attempts)
    return None
