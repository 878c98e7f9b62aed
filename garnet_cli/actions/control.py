"""Speak with one node's proxy through the agent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from garnet_cli.errors import NodeError
from garnet_cli.judge.watch import Observation
from node_scripts.contracts import LoaderStatus, ProxyStatus, Slot, SlotStatus
from node_scripts.decoding import convert

PROXY_PATIENCE_S = 30.0
"""How long a proxy may be away: its supervisor brings it back in a second or two."""


class Asks(Protocol):
    """The part of a node handle that actions use."""

    name: str

    def ask(self, step: str, *, progress: Callable[[Any], None] | None = None, **arguments: Any) -> Any:
        """Run one step of the agent; raises :class:`GarnetError`."""


def control(
    node: Asks, method: str, path: str, body: Any = None, *, patience_s: float = PROXY_PATIENCE_S
) -> Any:
    """Call the proxy's control socket; waits for a proxy that is being restarted.

    Raises :class:`NodeError` with the proxy's own words for an answer of 400 or more.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            answer = node.ask("control", method=method, path=path, body=body)
        except NodeError as error:
            if error.code != "proxy_down" or time.monotonic() > deadline:
                raise
            time.sleep(0.25)
            continue
        if answer["status"] < 400:  # noqa: PLR2004 -- HTTP
            return answer["body"]
        raise NodeError(
            f"the proxy refused {method} {path}: {_message(answer['body'])}",
            node=node.name,
            code=f"http_{answer['status']}",
        )


def proxy_status(node: Asks, *, patience_s: float = PROXY_PATIENCE_S) -> ProxyStatus:
    """Return the proxy's status, typed."""
    return convert(control(node, "GET", "/control/status", patience_s=patience_s), ProxyStatus)


def wait_for_release(node: Asks, release: str) -> None:
    """Wait until a proxy of ``release`` answers; raises :class:`NodeError` when none does in time."""
    deadline = time.monotonic() + PROXY_PATIENCE_S
    while True:
        found = proxy_status(node).release
        if found == release:
            return
        if time.monotonic() > deadline:
            raise NodeError(
                f"the proxy still runs release {found}, not {release}",
                node=node.name,
                remedy=f"look at `garnet logs {node.name}`",
            )
        time.sleep(0.1)


def put_slot(node: Asks, slot: Slot, *, force: bool = False) -> SlotStatus:
    """Make ``slot`` the truth on the node: one assignment in its proxy.

    ``force`` accepts an active loader that does not answer yet.
    """
    path = f"/control/slots/{slot.model}" + ("?force=1" if force else "")
    return convert(control(node, "PUT", path, msgspec.to_builtins(slot)), SlotStatus)


def delete_slot(node: Asks, model: str) -> None:
    """Take ``model`` out of the node's proxy; what is in flight runs to its end."""
    control(node, "DELETE", f"/control/slots/{model}")


def find_loader(status: ProxyStatus, name: str) -> LoaderStatus | None:
    """Return the loader called ``name`` from any slot, or among those that drain."""
    slots = [loader for slot in status.slots for loader in (slot.active, slot.next, slot.previous) if loader]
    return next((loader for loader in [*slots, *status.draining] if loader.spec.name == name), None)


def observation(status: ProxyStatus, loader: str) -> Observation:
    """Return what a proxy's status says of ``loader``; one that left its slot is down."""
    found = find_loader(status, loader)
    if found is None:
        return Observation(state="down", served=0, errors=0, pid=None, last_error="left its slot")
    return Observation(
        state=found.state,
        served=found.served,
        errors=found.errors,
        pid=found.pid,
        last_error=found.last_error,
    )


def wait_until_drained(
    node: Asks,
    loader: str,
    timeout_s: float,
    report: Callable[[str], None],
    judge: Callable[[ProxyStatus], object] | None = None,
) -> float:
    """Wait until ``loader`` has nothing in flight and return the seconds it took.

    ``judge`` is shown each status meanwhile; what it raises ends the wait. Raises :class:`NodeError`
    (code ``drain_timeout``) after ``timeout_s``; nothing is cut off.
    """
    begin = time.monotonic()
    told = -1
    while True:
        status = proxy_status(node)
        if judge is not None:
            judge(status)
        found = find_loader(status, loader)
        left = found.in_flight if found else 0
        if left == 0:
            return time.monotonic() - begin
        if left != told:
            report(f"draining {loader}: {left} in flight")
            told = left
        if time.monotonic() - begin > timeout_s:
            raise NodeError(
                f"{loader} still has {left} requests in flight after {timeout_s:.0f} s",
                node=node.name,
                remedy="run the same command again to go on waiting",
                code="drain_timeout",
            )
        time.sleep(0.2)


def _message(body: Any) -> str:
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return str(body["error"].get("message"))
    return str(body)
