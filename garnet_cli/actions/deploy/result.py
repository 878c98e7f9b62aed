"""What became of a deploy, node by node: for the summary, `--json` and the records on the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from garnet_cli.judge.evidence import Evidence, values
from garnet_cli.judge.rollout import NodeVerdict
from garnet_cli.judge.tail_test import TAIL_SHARE, quantile

Outcome = Literal["nothing to do", "done", "reverted", "held", "split"]
"""split: some nodes keep it, others could not be told and take themselves back."""
NodeOutcome = Literal["untouched", "changed", "confirmed", "reverted", "held", "takes itself back"]


@dataclass(slots=True, kw_only=True)
class NodeResult:
    """One node that a deploy was to change."""

    node: str
    role: str
    """canary, roll or staging."""
    outcome: NodeOutcome = "untouched"
    verdict: NodeVerdict | None = None
    before_p95_ms: dict[str, float] = field(default_factory=dict)
    """By model, of live traffic where there was some, else of test prompts."""
    after_p95_ms: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """By what it was done for: change, watch, revert."""
    error: str = ""

    def note_evidence(self, evidence: Evidence, models: Sequence[str]) -> None:
        """Keep the p95 latencies before and after."""
        for model in models:
            for prompts in (False, True):
                before = values(evidence.before, model, "latency", prompts=prompts)
                after = values(evidence.during, model, "latency", prompts=prompts)
                if before and after:
                    self.before_p95_ms[model] = round(quantile(before, 1 - TAIL_SHARE), 1)
                    self.after_p95_ms[model] = round(quantile(after, 1 - TAIL_SHARE), 1)
                    break

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "node": self.node,
            "role": self.role,
            "outcome": self.outcome,
            "verdict": self.verdict.as_json() if self.verdict else None,
            "before_p95_ms": self.before_p95_ms,
            "after_p95_ms": self.after_p95_ms,
            "seconds": {what: round(seconds, 2) for what, seconds in self.seconds.items()},
            "error": self.error,
        }


@dataclass(slots=True, kw_only=True)
class DeployResult:
    """The whole deploy."""

    deploy: str
    """Its id: the time it began in UTC, and four random digits."""
    who: str
    release: str
    started_unix: float
    outcome: Outcome = "nothing to do"
    reason: str = ""
    """Why it was reverted or is held; empty otherwise."""
    nodes: list[NodeResult] = field(default_factory=list)
    tests: str = "none"
    """passed, skipped or none."""
    seconds: float = 0.0
    swaps: list[dict[str, Any]] = field(default_factory=list)

    def node(self, name: str) -> NodeResult:
        """Return one node's result; raises StopIteration for a node that is not part of it."""
        return next(node for node in self.nodes if node.node == name)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "deploy": self.deploy,
            "who": self.who,
            "release": self.release,
            "started_unix": self.started_unix,
            "outcome": self.outcome,
            "reason": self.reason,
            "tests": self.tests,
            "seconds": round(self.seconds, 2),
            "nodes": [node.as_json() for node in self.nodes],
            "swaps": self.swaps,
        }
