"""Steps of a deploy on one node: begin, hold and confirm a trial, or take it back.

A trial that nobody confirms is taken back by the node's own fuse (``fuse.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from node_scripts.agent.context import Context, locked, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.fuse_job import arm_fuse, remove_fuse
from node_scripts.agent.leasing import trial_open
from node_scripts.agent.restore import Restored, restore
from node_scripts.agent.snapshot import take_snapshot
from node_scripts.agent.take_back import record_of, require_snapshot, take_back
from node_scripts.agent.trial import read_record, read_trial, undecided, write_record, write_trial
from node_scripts.contracts import SCHEMA
from node_scripts.journals import Trial
from node_scripts.paths import NodePaths

LONGEST_GRACE_S = 86400.0


def begin_trial(
    context: Context, *, deploy: str, who: str, purpose: str, grace_s: float, beside: list[str] | None = None
) -> dict[str, Any]:
    """Take the snapshot, write the trial down and have the fuse watch it, before anything is changed.

    ``beside`` names the models of which the node's memory allows two loaders at once: the fuse goes by it.
    For the same deploy again only ``grace_s`` and ``beside`` change; the snapshot stays the first one.

    Returns ``armed`` (false on a node without a supervisor, which runs nothing that could be lost) and the
    snapshot's ``release`` and ``models``.

    Errors: ``no_lease``; ``trial_open`` for another deploy's undecided trial; ``trial_reverted`` and
    ``deploy_ended`` where this deploy has ended here; ``fuse_down`` where the fuse does not run, so that
    nothing must be changed.
    """
    _require_lease(context)
    if not 0 < grace_s <= LONGEST_GRACE_S:
        raise StepError("bad_arguments", f"{grace_s} s is no time of grace")
    paths = context.paths
    if (record := read_record(paths, deploy)) is not None:
        raise StepError("deploy_ended", f"deploy {deploy} ended here: {record.outcome} at {record.ended}")
    with _changing(context):
        before = read_trial(paths)
        if before is not None and before.deploy != deploy and undecided(before) and before.armed:
            raise trial_open(before)
        snapshot = take_snapshot(context, deploy)
        if before is not None and before.deploy == deploy:
            _require_not_reverted(before)
            trial = replace(before, grace_s=grace_s, beside=before.beside if beside is None else beside)
        else:
            started = snapshot.taken
            trial = Trial(
                schema=SCHEMA,
                deploy=deploy,
                who=who,
                purpose=purpose,
                started=started,
                updated=started,
                status="open",
                grace_s=grace_s,
                beside=beside or [],
                # Nothing is changed before its fuse runs, so one that is cut off here holds nobody up.
                armed=False,
            )
        # On disk before its fuse runs: a fuse that finds no trial has nothing to do.
        trial = write_trial(paths, trial)
        try:
            armed = arm_fuse(context, needed=bool(snapshot.jobs))
        except StepError:
            if not trial.armed:
                paths.trial_file.unlink()
            raise
        trial = write_trial(paths, replace(trial, armed=armed))
    return {"armed": trial.armed, "release": snapshot.release, "models": sorted(snapshot.slots)}


def hold_trial(context: Context, *, deploy: str, until_unix: float, reason: str) -> dict[str, Any]:
    """Keep the trial as it is until ``until_unix``, also while nobody holds the lease; then it is taken back.

    Errors: ``no_lease``, ``no_trial``, ``trial_reverted``.
    """
    _require_lease(context)
    with _changing(context):
        trial = _own_trial(context.paths, deploy)
        write_trial(context.paths, replace(trial, status="held", held_until_unix=until_unix, reason=reason))
    return {}


def open_trial(context: Context, *, deploy: str) -> dict[str, Any]:
    """Go on with a held trial: nobody holding the lease for the grace time takes it back again.

    Errors: ``no_lease``, ``no_trial``, ``trial_reverted``.
    """
    _require_lease(context)
    with _changing(context):
        trial = _own_trial(context.paths, deploy)
        write_trial(context.paths, replace(trial, status="open", held_until_unix=None, reason=""))
    return {}


def confirm_trial(context: Context, *, deploy: str, summary: dict[str, Any]) -> dict[str, Any]:
    """Keep what was changed: record the deploy as confirmed, forget the trial, remove the fuse.

    Confirming again changes nothing. Errors: ``no_lease``, ``no_trial``, ``trial_reverted``.
    """
    _require_lease(context)
    paths = context.paths
    with _changing(context):
        record = read_record(paths, deploy)
        if record is None or record.outcome != "confirmed":
            trial = _own_trial(paths, deploy)
            snapshot = require_snapshot(paths, deploy)
            write_record(paths, record_of(paths, trial, snapshot, "confirmed", summary=summary))
        finish_confirmed(context, deploy)
        remove_fuse(context)
    return {"already": record is not None}


def finish_confirmed(context: Context, deploy: str) -> None:
    """Forget the trial of a deploy whose record says that it is confirmed."""
    trial = read_trial(context.paths)
    if trial is not None and trial.deploy == deploy:
        context.paths.trial_file.unlink()


def revert_trial(
    context: Context, *, deploy: str, reason: str, beside: list[str] | None = None
) -> dict[str, Any]:
    """Bring the node back to the snapshot before ``deploy`` and record it as reverted.

    ``beside`` as in ``begin_trial``, whose is used unless given. What a killed agent leaves undone the fuse
    does. Returns ``models`` (seconds until each took its traffic again), ``seconds``, ``release`` and
    ``remarks``; for one that is taken back already ``already`` is true.

    Errors: ``no_lease``, ``no_trial``, ``restore_failed`` and those of the steps that it is made of.
    """
    _require_lease(context)
    trial = read_trial(context.paths)
    if trial is None or trial.deploy != deploy:
        raise _no_trial(deploy)
    if trial.status == "reverted":
        return {
            **Restored(release=require_snapshot(context.paths, deploy).release).as_json(),
            "already": True,
        }
    if beside is not None:
        trial = replace(trial, beside=beside)
    restored = take_back(context, trial, reason=reason, by_node=False)
    with _changing(context):
        remove_fuse(context)
    return {**restored.as_json(), "already": False}


def restore_deploy(context: Context, *, deploy: str, beside: list[str]) -> dict[str, Any]:
    """Bring the node to the snapshot before an earlier ``deploy``, within an open trial of another one.

    The trial protects this as it does any change: confirm it to keep it. Returns as ``revert_trial`` does.
    Errors: ``no_lease``, ``no_trial``, ``no_snapshot`` and those of ``revert_trial``.
    """
    _require_lease(context)
    paths = context.paths
    trial = read_trial(paths)
    if trial is None or trial.status != "open":
        raise StepError("no_trial", "there is no open trial on this node", remedy="begin one first")
    if read_record(paths, deploy) is None:
        raise StepError(
            "no_snapshot",
            f"this node has no record of deploy {deploy}",
            remedy="`garnet deploy history` lists those that it has",
        )
    require_snapshot(paths, deploy)
    return {**restore(context, deploy, beside).as_json(), "already": False}


def deploy_lock(context: Context) -> Any:
    """Hold the lock under which a trial and its fuse change together."""
    make_folder(context.paths.state)
    return locked(
        context.paths.state / "trial.lock",
        lambda: context.progress_sometimes({"message": "waiting for the fuse"}),
        patience_s=60.0,
    )


_changing = deploy_lock


def _require_lease(context: Context) -> None:
    if not context.lease.held:
        raise StepError("no_lease", "this agent does not hold the node's lease", remedy="take it first")


def _own_trial(paths: NodePaths, deploy: str) -> Trial:
    trial = read_trial(paths)
    if trial is None or trial.deploy != deploy:
        raise _no_trial(deploy)
    _require_not_reverted(trial)
    return trial


def _require_not_reverted(trial: Trial) -> None:
    if trial.status in ("reverting", "reverted"):
        by = "the node itself" if trial.by_node else trial.who
        what = "was" if trial.status == "reverted" else "is being"
        raise StepError(
            "trial_reverted",
            f"deploy {trial.deploy} {what} taken back on this node by {by}: {trial.reason}",
            remedy="run `garnet deploy` again once the cause is removed",
        )


def _no_trial(deploy: str) -> StepError:
    return StepError("no_trial", f"there is no trial of deploy {deploy} on this node")
