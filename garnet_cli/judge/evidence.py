"""What requests say of a node's speed: the figures that a deploy is judged by.

The end-to-end time of a request depends on its prompt and its answer as well as on the node, so the
time to the first token and the time per further token are judged beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from garnet_cli.judge.canary import Window
from garnet_cli.judge.readiness import TEST_PROMPTS
from node_scripts.records import OPERATOR_KEY, RequestRecord

_LEAST_TOKENS = 2
"""There is a time per further token from the second on."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The requests that one node's loaders answered, oldest first, before and after a change began."""

    node: str
    before: Sequence[RequestRecord]
    during: Sequence[RequestRecord] = field(default_factory=tuple)


def _latency(record: RequestRecord) -> float | None:
    return record.latency_ms


def _first_token(record: RequestRecord) -> float | None:
    return record.first_token_ms


def _token_time(record: RequestRecord) -> float | None:
    if record.first_token_ms is None or record.completion_tokens < _LEAST_TOKENS:
        return None
    return (record.latency_ms - record.first_token_ms) / (record.completion_tokens - 1)


FIGURES: Mapping[str, Callable[[RequestRecord], float | None]] = {
    "latency": _latency,
    "time to first token": _first_token,
    "time per token": _token_time,
}
"""Name → milliseconds of a request; ``None`` where it has none."""


def is_answer(record: RequestRecord) -> bool:
    """Say whether a loader of the node itself answered it in full."""
    return record.outcome == "answered" and record.served_by.startswith("loader-")


def values(records: Sequence[RequestRecord], model: str, figure: str, *, prompts: bool) -> list[float]:
    """Return a figure of the node's own answers for ``model``, in milliseconds, in order.

    ``prompts``: of the fixed test prompts that the operator's side sent, but for their first round, which
    finds cold caches; else of everybody else's.
    """
    of = FIGURES[figure]
    found = (
        of(record)
        for record in records
        if record.model == model and (record.key == OPERATOR_KEY) == prompts and is_answer(record)
    )
    return [value for value in found if value is not None][len(TEST_PROMPTS) if prompts else 0 :]


def window(evidence: Evidence, model: str, figure: str, *, prompts: bool) -> Window:
    """Return the node's window of one figure of one model."""
    return Window(
        evidence.node,
        values(evidence.before, model, figure, prompts=prompts),
        values(evidence.during, model, figure, prompts=prompts),
    )


def windows(
    canary: Evidence, controls: Sequence[Evidence], model: str, figure: str, *, prompts: bool
) -> tuple[Window, list[Window]]:
    """Return the canary's window and those of the nodes that serve the same model."""
    others = [window(control, model, figure, prompts=prompts) for control in controls]
    return window(canary, model, figure, prompts=prompts), others


def served(records: Sequence[RequestRecord], model: str, *, prompts: bool = False) -> int:
    """Return how many requests for ``model`` the node's own loaders answered."""
    return len(values(records, model, "latency", prompts=prompts))
