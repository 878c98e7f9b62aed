"""What must be well before a deploy changes any node that serves clients."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from garnet_cli.actions.control import Asks, proxy_status
from garnet_cli.actions.deploy.trial import require_answers
from garnet_cli.actions.node_work import NodeWork
from garnet_cli.errors import GarnetError, NodeError

LIVE_PATIENCE_S = 60.0
STDERR = 2


def run_tests(command: str, folder: Path) -> None:
    """Run the inventory's test command in ``folder``; its output goes to stderr.

    Raises :class:`GarnetError` where it fails.
    """
    sys.stderr.flush()
    done = subprocess.run(command, shell=True, cwd=folder, stdout=STDERR, check=False)  # noqa: S602 -- the operator's
    if done.returncode != 0:
        raise GarnetError(
            f"the test command `{command}` failed with exit code {done.returncode}; nothing was changed",
            remedy="mend what it found, or record with --skip-tests that you go on without it",
        )


def check_staging(node: Asks, work: NodeWork, report: Callable[[str], None]) -> None:
    """See that a changed staging node answers, swaps and sees itself.

    Raises :class:`GarnetError` for the first that fails.
    """
    models = [loader.model for loader in work.survey.desired.loaders]
    report("asking every model")
    require_answers(node, models)
    if models:
        report(f"swapping {models[0]}")
        work.swap_again(models[0])
        require_answers(node, models[:1])
    report("waiting for its telemetry")
    wait_for_telemetry(node)
    status = proxy_status(node)
    if status.unrecorded_requests:
        raise NodeError(f"{status.unrecorded_requests} requests could not be recorded", node=node.name)


def wait_for_telemetry(node: Asks) -> None:
    """Wait until the node's monitor has looked anew, and reaches its store if it has one."""
    deadline = time.monotonic() + LIVE_PATIENCE_S
    first = (node.ask("read_live") or {}).get("time_unix")
    while True:
        live = node.ask("read_live") or {}
        if live.get("time_unix") not in {None, first}:
            if live.get("store_ok") is False:
                why = live.get("store_error") or "see `garnet alerts list`"
                raise NodeError(f"its monitor does not reach the store: {why}", node=node.name)
            return
        if time.monotonic() > deadline:
            raise NodeError(
                f"its monitor has not looked for {LIVE_PATIENCE_S:.0f} s",
                node=node.name,
                remedy=f"look at `garnet logs {node.name}`",
            )
        time.sleep(0.5)
