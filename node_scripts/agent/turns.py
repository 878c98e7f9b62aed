"""Turns: nodes that each have to take a model out for a while must not all do so at one moment."""

from __future__ import annotations

import time
from typing import Any

from node_scripts.agent import slots
from node_scripts.agent.context import Context

TURN_S = 3.0
"""Longer than a node's slot takes to be seen empty by its peers: a heartbeat each second, and its way."""
PATIENCE_S = 900.0
"""How long a peer's loader may take to be back."""
LOOK_EVERY_S = 0.5


def wait_for_turn(
    context: Context, model: str, *, patience_s: float = PATIENCE_S, turn_s: float = TURN_S
) -> None:
    """Wait until a peer serves ``model``, so that this node may leave its traffic to it.

    Nodes begin one after the other, in the order of their names. Nobody is waited for where no reachable peer
    has a slot for the model, where this node does not serve it either, and for longer than ``patience_s``.
    """
    begin = time.monotonic()
    while True:
        status = slots.proxy_status(context)
        elapsed_s = time.monotonic() - begin
        if elapsed_s > patience_s or may_leave(status, model, elapsed_s, turn_s):
            return
        context.progress_sometimes({"message": f"waiting for another node to serve {model}"})
        time.sleep(LOOK_EVERY_S)


def may_leave(status: dict[str, Any], model: str, waited_s: float, turn_s: float) -> bool:
    """Say whether a node with this ``ProxyStatus`` may take ``model`` out, after waiting for ``waited_s``."""
    peers = [peer for peer in status["peers"] if peer["reachable"]]
    others = [peer["name"] for peer in peers if model in peer["models"] or model in peer.get("away", ())]
    if not others or not _serves(status, model):
        return True
    before = sum(name < status["node"] for name in others)
    return waited_s >= before * turn_s and any(model in peer["models"] for peer in peers)


def _serves(status: dict[str, Any], model: str) -> bool:
    active = next((slot["active"] for slot in status["slots"] if slot["model"] == model), None)
    return active is not None and active["state"] == "ready"
