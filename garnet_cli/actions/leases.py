"""Hold the right to change nodes."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable, Sequence

from garnet_cli.errors import FleetError, GarnetError, LeaseHeldError
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import attempt_each, errors_of, for_each

RETRY_S = 2.0


def operator() -> str:
    """Say who runs this command: ``user@host``, in Actions with the run that it is."""
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    run = os.environ.get("GITHUB_RUN_ID")
    return f"{who} (run {run} of {os.environ.get('GITHUB_REPOSITORY', '?')})" if run else who


def take(nodes: Sequence[NodeHandle], purpose: str, *, any_deploy: bool = False) -> None:
    """Take every node's lease; it is held until the node's channel closes.

    ``any_deploy``: also in the middle of a deploy, whosever it is; for who deletes the node's state anyway.
    Raises :class:`FleetError` naming the nodes that somebody else is changing, and who that is.
    """

    def one(node: NodeHandle) -> None:
        deploy = None
        if any_deploy:
            trial = node.ask("facts", listen=None, artifacts=[]).get("trial")
            deploy = str(trial["deploy"]) if trial else None
        _take(node, purpose, deploy)

    for_each(nodes, one)


def wait_and_take(
    nodes: Sequence[NodeHandle],
    purpose: str,
    deploy: str | None,
    wait_s: float,
    report: Callable[[str, str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Take every node's lease, waiting up to ``wait_s`` seconds for those that somebody else holds.

    Raises as ``take`` does. Two that wait for each other's nodes cannot block each other for ever: both end.
    """
    deadline = time.monotonic() + wait_s
    missing = list(nodes)
    while True:
        outcomes = attempt_each(missing, lambda node: _take(node, purpose, deploy))
        errors = errors_of(outcomes)
        if not errors:
            return
        patient = all(isinstance(error, LeaseHeldError) for error in errors)
        if not patient or time.monotonic() >= deadline:
            raise errors[0] if len(errors) == 1 else FleetError(errors)
        missing = [node for node in missing if isinstance(outcomes[node.name], GarnetError)]
        for node in missing:
            report(node.name, f"waiting: {getattr(outcomes[node.name], 'message', '')}")
        sleep(RETRY_S)


def _take(node: NodeHandle, purpose: str, deploy: str | None) -> None:
    node.ask("take_lease", who=operator(), purpose=purpose, deploy=deploy)
