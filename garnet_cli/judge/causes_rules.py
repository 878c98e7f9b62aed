"""Which causes a price that rose has, the likeliest first. Pure."""

from __future__ import annotations

from typing import get_args

from garnet_cli.judge.causes import Cause, CauseKind, Confidence
from garnet_cli.judge.causes_rise import Rise, parts_of
from garnet_cli.judge.causes_words import WORDS

LEAST_SHARE = 0.1
"""What explains less of a rise is not told."""
HIGH, MEDIUM = 0.6, 0.3
"""Shares of the rise from which on the confidence is that."""
KINDS: tuple[CauseKind, ...] = get_args(CauseKind)


def causes_of(rise: Rise) -> tuple[Cause, ...]:
    """Return the causes by the share of the rise that they explain, never none.

    What is not explained is a cause of its own where it is more than the rest.
    """
    parts = parts_of(rise)
    found = {kind: float(getattr(parts, kind)) for kind in KINDS if kind != "unknown"}
    whole = max(rise.rise, sum(found.values()))
    shares: dict[CauseKind, float] = {
        kind: part / whole for kind, part in found.items() if part >= LEAST_SHARE * whole
    }
    left = 1 - sum(shares.values())
    if not shares or left > max(shares.values()):
        shares["unknown"] = left
    order = sorted(shares, key=lambda kind: (-shares[kind], KINDS.index(kind)))
    return tuple(_cause(kind, shares[kind], rise) for kind in order)


def _cause(kind: CauseKind, share: float, rise: Rise) -> Cause:
    said = WORDS[kind](rise)
    return Cause(
        kind=kind,
        sentence=said.sentence,
        share=share,
        confidence=_confidence(kind, share),
        evidence=said.evidence,
        command=said.command,
        nodes=said.nodes,
    )


def _confidence(kind: CauseKind, share: float) -> Confidence:
    if kind == "unknown":
        return "low"
    return "high" if share >= HIGH else "medium" if share >= MEDIUM else "low"
