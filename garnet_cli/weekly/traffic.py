"""What clients asked for in a week and what they got, over all nodes. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from garnet_cli.store.totals import Totals
from garnet_cli.weekly.completeness import percent
from node_scripts.records import UNKNOWN_MODEL

ERRORS_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The clients' requests, each counted once, on the node that was asked."""

    requests: int = 0
    answered: int = 0
    cancelled: int = 0
    """The client went away."""
    errors: dict[str, int] = field(default_factory=dict)
    """By code, the most frequent first."""
    unknown_model_requests: int = 0
    """Of all requests, those that named no model of the fleet: they are in no model's figures."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Part of the prompt tokens."""
    completion_tokens: int = 0

    def sentence(self) -> str:
        """Say how many requests there were and what became of them."""
        if not self.requests:
            return "No client asked for anything."
        text = f"{self.requests:,} requests, {percent(self.answered / self.requests)} answered"
        if self.cancelled:
            text += f", {percent(self.cancelled / self.requests)} cancelled by their clients"
        if self.errors:
            shown = [f"{name} {number:,}" for name, number in list(self.errors.items())[:ERRORS_SHOWN]]
            more = ["others"] if len(self.errors) > ERRORS_SHOWN else []
            failed = sum(self.errors.values()) / self.requests
            text += f", {percent(failed)} failed ({', '.join([*shown, *more])})"
        return f"{text}."

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def traffic_of(totals: Totals) -> Traffic:
    """Return the traffic of a week's totals."""
    errors: Counter[str] = Counter()
    for row in totals.models:
        errors.update(row.errors)
    ordered = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    return Traffic(
        requests=sum(row.requests for row in totals.models),
        answered=sum(row.answered for row in totals.models),
        cancelled=sum(row.cancelled for row in totals.models),
        errors=dict(ordered),
        unknown_model_requests=sum(row.requests for row in totals.models if row.model == UNKNOWN_MODEL),
        prompt_tokens=sum(row.prompt_tokens for row in totals.models),
        cached_tokens=sum(row.cached_tokens for row in totals.models),
        completion_tokens=sum(row.completion_tokens for row in totals.models),
    )
