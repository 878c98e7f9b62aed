"""The table of all steps: what the operator may ask for."""

from __future__ import annotations

from collections.abc import Mapping

from node_scripts.agent import (
    alerts,
    artifact,
    control,
    environment,
    events,
    facts,
    jobs,
    loaders,
    logs,
    monitor,
    read_write,
    release,
    unused,
    wheels,
)
from node_scripts.agent.context import Context
from node_scripts.agent.dispatch import Step


def take_lease(context: Context, *, who: str, purpose: str) -> dict[str, object]:
    """Hold the right to change this node for the life of the channel."""
    context.lease.take(who, purpose)
    return {}


STEPS: Mapping[str, Step] = {
    "facts": facts.facts,
    "take_lease": take_lease,
    "push_release": release.push_release,
    "link_release": release.link_release,
    "remove_unused": unused.remove_unused,
    "push_wheel": wheels.push_wheel,
    "list_wheels": wheels.list_wheels,
    "build_environment": environment.build_environment,
    "push_artifact_file": artifact.push_artifact_file,
    "have_artifact_files": artifact.have_artifact_files,
    "finish_artifact": artifact.finish_artifact,
    "fetch_artifact": artifact.fetch_artifact,
    "write_file": read_write.write_file,
    "delete_file": read_write.delete_file,
    "read_secret": read_write.read_secret,
    "ensure_job": jobs.ensure_job,
    "restart_job": jobs.restart_job,
    "remove_job": jobs.remove_job,
    "signal_job": jobs.signal_job,
    "jobs": jobs.jobs,
    "configure_supervisor": jobs.configure_supervisor,
    "stop_all": jobs.stop_all,
    "prepare_loader": loaders.prepare_loader,
    "discard_loader": loaders.discard_loader,
    "wait_loader": loaders.wait_loader,
    "test_loader": loaders.test_loader,
    "loader_stats": loaders.loader_stats,
    "purge_loader": loaders.purge_loader,
    "control": control.control,
    "chat": control.chat,
    "logs": logs.logs,
    "note_event": events.note_event,
    "read_live": monitor.read_live,
    "read_silences": alerts.read_silences,
    "change_silences": alerts.change_silences,
    "try_route": alerts.try_route,
    "spooled": monitor.spooled,
    "wait_monitor": monitor.wait_monitor,
    "write_monitor_secrets": monitor.write_monitor_secrets,
}
