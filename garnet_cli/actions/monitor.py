"""Have a node's monitor run as it should, by the configuration and the secrets that it should have."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from garnet_cli.actions import provision
from garnet_cli.actions.control import Asks
from garnet_cli.actions.loaders import Report
from garnet_cli.actions.survey import NodeSurvey
from garnet_cli.fleet.jobs import monitor_job
from garnet_cli.judge.difference import MONITOR_CONFIG, MONITOR_JOB, MONITOR_SECRETS, MONITOR_SUBJECTS

MONITOR_PATIENCE_S = 60.0
"""How long a monitor may take to its first look: a few seconds, more on a machine that is busy."""


def settle(node: Asks, survey: NodeSurvey, secrets: Mapping[str, str], report: Report) -> None:
    """Do what ``survey`` found to change: write its files, then start it or have it read them anew.

    Raises :class:`NodeError` (code ``monitor_not_ready``) where it does not work by them soon; all else on
    the node is done by then.
    """
    changes = [change for change in survey.changes if change.kind == "configuration"]
    subjects = {change.subject for change in changes} & MONITOR_SUBJECTS
    if MONITOR_CONFIG in subjects:
        provision.write_monitor_configuration(node, survey.monitor)
    if MONITOR_SECRETS in subjects:
        provision.write_monitor_secrets(node, secrets)
    started = False
    if any(change.kind == "monitor" for change in survey.changes):
        report("starting the monitor")
        job = monitor_job(survey.layout, survey.desired.release, survey.desired.environment)
        started = node.ask("ensure_job", job=msgspec.to_builtins(job))["changed"]
    if subjects and not started:
        report("loading the monitor's configuration")
        node.ask("signal_job", name=MONITOR_JOB, signal="HUP")
    if subjects or started:
        node.ask(
            "wait_monitor", progress=lambda value: report(value["message"]), timeout_s=MONITOR_PATIENCE_S
        )
