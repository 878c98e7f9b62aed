"""Tell of a deploy where people look: the alerts route, GitHub's step summary."""

from __future__ import annotations

import time
from collections.abc import Sequence

from garnet_cli.actions.deploy.result import DeployResult, NodeResult
from node_scripts.monitor.alerts.messages import Message

WORDS = {
    "done": "deploy done",
    "reverted": "DEPLOY TAKEN BACK",
    "held": "deploy held: not enough evidence",
    "nothing to do": "nothing to deploy",
    "split": "DEPLOY KEPT BY SOME NODES ONLY",
}
ROLLED_BACK = "rolled back"
COLUMNS = ("node", "as", "p95 before", "p95 after", "outcome", "verdict")
ROUTE = "alerts"


def sentence(result: DeployResult) -> str:
    """Return one line: what became of it, by whom, how long it took, why."""
    nodes = [node.node for node in result.nodes if node.outcome != "untouched"]
    where = f" on {', '.join(nodes)}" if nodes else ""
    why = f": {result.reason}" if result.reason else ""
    return f"{words(result)}{where} by {result.who} in {result.seconds:.0f} s{why}"


def words(result: DeployResult) -> str:
    """Return what became of it, in a few words."""
    rollback = any(node.role == "rollback" for node in result.nodes)
    return ROLLED_BACK if rollback and result.outcome == "done" else WORDS[result.outcome]


def rows(result: DeployResult) -> list[tuple[object, ...]]:
    """Return a row a node, for ``COLUMNS``."""
    return [
        (
            node.node,
            node.role,
            _p95(node.before_p95_ms),
            _p95(node.after_p95_ms),
            node.outcome,
            _verdict(node),
        )
        for node in result.nodes
    ]


def message(result: DeployResult, fleet: str) -> Message:
    """Return what the alerts route is told."""
    lines = [sentence(result), f"deploy {result.deploy}, release {result.release}, tests {result.tests}"]
    lines += [" | ".join(str(cell) for cell in row if cell is not None) for row in rows(result)]
    return Message(
        route=ROUTE,
        time_unix=time.time(),
        fleet=fleet,
        node=result.who,
        items=[],
        note="\n".join(lines),
        heading=f"{fleet}: {words(result)}",
    )


def hints(result: DeployResult) -> Sequence[str]:
    """Return what to do next, a line each."""
    if result.outcome == "held":
        resume = "`garnet deploy resume` watches again, `garnet deploy rollback` takes it back"
        return (f"{resume}; the nodes do so by themselves when the hold ends",)
    left = [node for node in result.nodes if node.outcome == "takes itself back"]
    return [f"{node.node} is not taken back yet and goes on by itself: {node.error}" for node in left]


def _p95(found: dict[str, float]) -> str | None:
    if len(found) == 1:
        return f"{next(iter(found.values())):.0f} ms"
    return ", ".join(f"{model} {value:.0f} ms" for model, value in found.items()) or None


def _verdict(node: NodeResult) -> str | None:
    if node.verdict is None:
        return node.error or None
    return node.verdict.sentence
