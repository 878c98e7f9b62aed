"""Flag a model whose price per million tokens has doubled, with the likeliest causes. Pure.

Looked at are each model fleet-wide and, where that shows nothing, each model on each node, fully loaded and
busy-only. A week is too thin to judge below the token floor, below MINIMUM_REQUESTS requests, or where so
many minutes are missing that the price doubled by that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from garnet_cli.judge.anomalies_subjects import FIGURES, Subject, model_subjects, place_subjects, price_of
from garnet_cli.judge.causes import Cause as Cause  # noqa: PLC0414 -- known from here
from garnet_cli.judge.causes import CauseKind as CauseKind  # noqa: PLC0414 -- likewise
from garnet_cli.judge.causes import Confidence as Confidence  # noqa: PLC0414 -- likewise
from garnet_cli.judge.causes import Evidence as Evidence  # noqa: PLC0414 -- likewise
from garnet_cli.judge.causes_factors import factors_of, log_ratio
from garnet_cli.judge.causes_figures import Window
from garnet_cli.judge.causes_rise import Figure, Place, Rise
from garnet_cli.judge.causes_rules import causes_of
from garnet_cli.judge.costs import CostDiff
from garnet_cli.store.totals import Totals

Verdict = Literal["doubled", "too_thin"]

DOUBLED = 2.0
MINIMUM_REQUESTS = 60
CAUSES_OF_WORK: tuple[CauseKind, ...] = ("cache_misses", "poisoned_cache", "throttling", "errors")
"""They make a token more work, whatever the traffic does."""
KEPT = 0.8
"""A model whose tokens an hour fell below this share of what they were works less."""
FALLEN_KEY = 0.8
"""A key is named where its requests fell below this share of what they were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anomaly:
    """One model whose price, fully loaded or busy-only, has at least doubled, or whose week is too thin."""

    model: str
    verdict: Verdict
    figure: Figure
    """The price that rose; of two that did, the one that rose more, save for another cause of the other."""
    last_usd_per_million: float | None
    this_usd_per_million: float | None
    """``None`` where the week is too thin for a price."""
    ratio: float | None
    sentence: str
    causes: tuple[Cause, ...]
    """The likeliest first; never empty."""
    node: str = ""
    """Where; "" is fleet-wide."""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "model": self.model,
            "node": self.node,
            "verdict": self.verdict,
            "figure": self.figure,
            "last_usd_per_million": self.last_usd_per_million,
            "this_usd_per_million": self.this_usd_per_million,
            "ratio": self.ratio,
            "sentence": self.sentence,
            "causes": [cause.as_json() for cause in self.causes],
        }


def find_anomalies(diff: CostDiff, this: Totals, last: Totals | None) -> list[Anomaly]:
    """Return the anomalies of ``diff``, whose windows ``this`` and ``last`` are; the greatest rise first.

    Nothing without a last window, and nothing in a quiet week.
    """
    if last is None or diff.last is None or diff.this.fleet.why_not.startswith("no node"):
        return []
    now, before = Window(this), Window(last)
    subjects = [*model_subjects(diff, now, before), *place_subjects(diff, now, before)]
    judged = [(subject, one) for subject in subjects for one in _judged(subject, now, before)]
    first = [one for subject, one in judged if not _follows(subject, one, judged)]
    found = [one for one in first if not one.node]
    at_nodes = [
        one for one in first if one.node and _is_new(one, [each for each in found if each.model == one.model])
    ]
    found += _one_a_cause(at_nodes)
    return sorted(found, key=lambda one: (one.verdict, -(one.ratio or math.inf), one.model, one.node))


def _judged(subject: Subject, now: Window, before: Window) -> list[Anomaly]:
    """Return what to tell of a subject: nothing where no price has doubled or there was none to begin with.

    Of two prices that doubled the lesser rise is told, too, where it has another cause.
    """
    if subject.last.why_not or subject.before.requests < MINIMUM_REQUESTS:
        return []
    ratios: list[tuple[float, Figure]] = [(subject.ratio(figure), figure) for figure in FIGURES]
    found: list[Anomaly] = []
    for ratio, figure in sorted(ratios, key=lambda item: -item[0]):
        if ratio >= DOUBLED:
            one = _anomaly(subject, figure, ratio, now, before)
            found += [one] if _is_new(one, found) else []
    return found


def _is_new(anomaly: Anomaly, told: Sequence[Anomaly]) -> bool:
    """Say whether nothing was told yet, or not what makes a token more work."""
    kind = anomaly.causes[0].kind
    return not told or (
        kind in CAUSES_OF_WORK and not any(cause.kind == kind for one in told for cause in one.causes)
    )


def _anomaly(subject: Subject, figure: Figure, ratio: float, now: Window, before: Window) -> Anomaly:
    missing = max(1.0, subject.before.complete_share / max(subject.now.complete_share, 1e-9))
    gap = figure == "fully loaded" and ratio / missing < DOUBLED
    thin = bool(subject.this.why_not) or subject.now.requests < MINIMUM_REQUESTS or gap
    causes = causes_of(_rise(subject, figure, ratio, now, before))
    price, was = price_of(subject.this, figure), price_of(subject.last, figure)
    return Anomaly(
        model=subject.model,
        node=subject.node,
        verdict="too_thin" if thin else "doubled",
        figure=figure,
        last_usd_per_million=was,
        this_usd_per_million=price,
        ratio=None if math.isinf(ratio) else ratio,
        sentence=_sentence(subject, figure, ratio, price, was, thin=thin, gap=gap),
        causes=causes,
    )


def _rise(subject: Subject, figure: Figure, ratio: float, now: Window, before: Window) -> Rise:
    model = subject.model
    nodes = [subject.node] if subject.node else now.places(model)
    places = []
    for node in nodes:
        this, last = now.at_node(model, node), before.at_node(model, node)
        if this and last:
            places.append(Place(node=node, this=this, last=last, factors=factors_of(this, last)))
    an_hour = subject.this.total_micros / now.hours, subject.last.total_micros / before.hours
    return Rise(
        model=model,
        node=subject.node,
        figure=figure,
        rise=math.log(min(ratio, 1e4)),
        total=log_ratio(*an_hour),
        this=subject.now,
        last=subject.before,
        whole_this=now.of_model(model) or subject.now,
        whole_last=before.of_model(model) or subject.before,
        factors=factors_of(subject.now, subject.before),
        places=tuple(places),
        since=_moment(before.begin_unix),
        until=_moment(now.end_unix),
        fallen_key=_fallen_key(now, before),
    )


def _moment(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M")


def _fallen_key(now: Window, before: Window) -> tuple[str, float, float] | None:
    falls = [
        (requests / before.hours - now.keys.get(key, 0) / now.hours, key)
        for key, requests in before.keys.items()
        if key and now.keys.get(key, 0) / now.hours < FALLEN_KEY * requests / before.hours
    ]
    if not falls:
        return None
    _, key = max(falls)
    return key, before.keys[key] / before.hours, now.keys.get(key, 0) / now.hours


def _sentence(
    subject: Subject,
    figure: Figure,
    ratio: float,
    price: float | None,
    was: float | None,
    *,
    thin: bool,
    gap: bool,
) -> str:
    what = f"{subject.model}{f' on {subject.node}' if subject.node else ''}"
    before = _dollars(was)
    if gap:
        return (
            f"{what}: too thin to judge, {1 - subject.now.complete_share:.0%} of the minutes are missing;"
            f" {before} per million tokens ({figure}) before"
        )
    if thin:
        return (
            f"{what}: too thin to judge, {subject.now.tokens:,} tokens in {subject.now.requests:,} requests;"
            f" {before} per million tokens ({figure}) before"
        )
    return (
        f"{what} costs {_dollars(price)} per million tokens ({figure}), {ratio:.1f} times the {before} before"
    )


def _dollars(price: float | None) -> str:
    """Return a price with three digits that say something."""
    if price is None:
        return "an unknown price"
    return f"${price:,.2f}" if price >= 1 else f"${price:.3g}"


def _follows(subject: Subject, anomaly: Anomaly, judged: Sequence[tuple[Subject, Anomaly]]) -> bool:
    """Say whether a model bears more of a node only because another one that is told works less there."""
    if anomaly.causes[0].kind != "idle_up" or subject.kept_share < KEPT:
        return False
    return any(
        other.model != subject.model
        and other.kept_share < KEPT
        and set(other.now.nodes) & set(subject.now.nodes)
        for other, _ in judged
    )


def _one_a_cause(anomalies: Sequence[Anomaly]) -> list[Anomaly]:
    """Keep, of one node's models with one likeliest cause, the one that rose most."""
    kept: dict[tuple[str, str], Anomaly] = {}
    for one in sorted(anomalies, key=lambda one: (-(one.ratio or math.inf), one.model)):
        kept.setdefault((one.node, one.causes[0].kind), one)
    return list(kept.values())
