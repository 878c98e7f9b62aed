"""A swap where memory has no room for two loaders: the old one goes first, while another node serves.

The journal keeps how to start the old loader again, so that whoever goes on can also go back.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from garnet_cli.actions import loaders
from garnet_cli.actions.control import Asks, proxy_status, put_slot, wait_until_drained
from garnet_cli.actions.loaders import Report
from garnet_cli.errors import NodeError
from node_scripts.contracts import Job, LoaderSpec, Slot
from node_scripts.decoding import convert
from node_scripts.journals import SwapJournal

NO_MEMORY = "no_memory"


def job_to_leave(node: Asks, old: LoaderSpec, refused: NodeError, require_alone: Callable[[], None]) -> Job:
    """Return the job of ``old``, which has to go first since both do not fit.

    Raises ``refused``, why they do not, where no other node serves the model now, and what ``require_alone``
    raises where the new loader does not even fit alone.
    """
    others = [peer.name for peer in proxy_status(node).peers if peer.reachable and old.model in peer.models]
    if not others:
        raise NodeError(
            f"{refused.message}; and no other node serves {old.model} meanwhile",
            node=node.name,
            remedy=f"have {old.model} on a second node, or {refused.remedy}",
            code=NO_MEMORY,
        ) from refused
    require_alone()
    found = node.ask("read_job", name=old.name)
    if found is None:
        raise refused
    return convert(found, Job)


def leave(node: Asks, journal: SwapJournal, drain_timeout_s: float, report: Report) -> None:
    """Have peers take the traffic, and stop the old loader once it is drained; safe to repeat."""
    if journal.old is None:
        return
    report(f"no room for two: leaving {journal.model} to other nodes meanwhile")
    put_slot(node, Slot(model=journal.model, previous=journal.old), force=True)
    wait_until_drained(node, journal.old.name, drain_timeout_s, report)
    node.ask("remove_job", name=journal.old.name)


def has_left(node: Asks, journal: SwapJournal) -> bool:
    """Say whether the old loader was stopped to make room."""
    if journal.old is None or journal.old_job is None:
        return False
    return node.ask("read_job", name=journal.old.name) is None


def come_back(
    node: Asks, journal: SwapJournal, drain_timeout_s: float, ready_timeout_s: float, report: Report
) -> None:
    """Stop the new loader and start the old one again, which takes the traffic once it answers."""
    old, new = journal.old, journal.new
    if old is None or journal.old_job is None:
        raise ValueError("the journal does not say how to start the old loader again")
    put_slot(node, Slot(model=journal.model, previous=new), force=True)
    wait_until_drained(node, new.name, drain_timeout_s, report)
    loaders.stop(node, new.name)
    report(f"starting {old.name} again")
    node.ask("ensure_job", job=msgspec.to_builtins(journal.old_job))
    node.ask(
        "wait_loader",
        progress=lambda value: report(f"{value['message']} ({value['elapsed_s']:.0f} s)"),
        http_socket=old.http_socket,
        model=old.model,
        timeout_s=ready_timeout_s,
        job=old.name,
    )
    put_slot(node, Slot(model=journal.model, active=old), force=True)
