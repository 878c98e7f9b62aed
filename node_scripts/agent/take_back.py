"""Taking a trial back, whoever does it: the operator's agent or the fuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.events import note_event
from node_scripts.agent.release import current_release
from node_scripts.agent.restore import Restored, restore
from node_scripts.agent.snapshot import read_snapshot
from node_scripts.agent.trial import now, write_record, write_trial
from node_scripts.contracts import SCHEMA
from node_scripts.journals import DeployOutcome, DeployRecord, Snapshot, Trial
from node_scripts.paths import NodePaths


def take_back(context: Context, trial: Trial, *, reason: str, by_node: bool) -> Restored:
    """Restore the snapshot before the trial and record the deploy as reverted; the lease is held.

    Each attempt is written to the trial and noted as an event. Raises what ``restore`` does; the trial is
    then still "reverting", for the fuse to go on with.
    """
    paths = context.paths
    trial = write_trial(
        paths,
        replace(
            trial,
            status="reverting",
            reason=reason,
            by_node=by_node,
            held_until_unix=None,
            attempts=trial.attempts + 1,
            release_tried=trial.release_tried if trial.attempts else current_release(paths),
        ),
    )
    _note(context, trial, "reverting")
    try:
        snapshot = require_snapshot(paths, trial.deploy)
        restored = restore(context, trial.deploy, trial.beside)
    except Exception as error:
        why = error.message if isinstance(error, StepError) else f"{type(error).__name__}: {error}"
        trial = write_trial(paths, replace(trial, failure=why))
        _note(context, trial, "revert failed", failure=why)
        raise
    summary = {"restore": restored.as_json()}
    write_record(paths, record_of(paths, trial, snapshot, "reverted", summary=summary))
    trial = write_trial(paths, replace(trial, status="reverted", failure=""))
    _note(context, trial, "reverted", seconds=round(restored.seconds, 3), remarks=restored.remarks)
    return restored


def require_snapshot(paths: NodePaths, deploy: str) -> Snapshot:
    """Return the snapshot before ``deploy``. Raises StepError (``no_snapshot``)."""
    snapshot = read_snapshot(paths, deploy)
    if snapshot is None:
        raise StepError(
            "no_snapshot",
            f"this node has no snapshot from before deploy {deploy}",
            remedy="bring the node to the inventory with `garnet up`",
        )
    return snapshot


def record_of(
    paths: NodePaths, trial: Trial, snapshot: Snapshot, outcome: DeployOutcome, *, summary: dict[str, Any]
) -> DeployRecord:
    """Return the record of a trial that ends now."""
    return DeployRecord(
        schema=SCHEMA,
        deploy=trial.deploy,
        who=trial.who,
        purpose=trial.purpose,
        started=trial.started,
        ended=now(),
        outcome=outcome,
        reason=trial.reason,
        by_node=trial.by_node,
        release_before=snapshot.release,
        release_after=trial.release_tried if outcome == "reverted" else current_release(paths),
        models_before={model: spec.source for model, spec in sorted(snapshot.slots.items())},
        summary=summary,
    )


def _note(context: Context, trial: Trial, action: str, **detail: Any) -> None:
    """Note an event; a configuration that the deploy has damaged must not keep it from being taken back."""
    told = {"reason": trial.reason, "attempt": trial.attempts, "by_node": trial.by_node, **detail}
    who = "" if trial.by_node else trial.who
    try:
        note_event(context, kind="deploy", subject=trial.deploy, action=action, who=who, detail=told)
    except (StepError, OSError) as error:
        context.progress({"message": f"the event '{action}' cannot be noted: {error}"})
