"""Say a cause in one sentence, with the figures that speak for it and what to type. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from garnet_cli.judge.causes import CauseKind, Evidence
from garnet_cli.judge.causes_figures import Figures
from garnet_cli.judge.causes_rise import Place, Rise

APPLY = "garnet weekly --apply"
ASK_KEYS = "SELECT key, minute::DATE AS day, sum(requests) AS requests FROM keys GROUP BY ALL ORDER BY ALL"
CODES_SHOWN = 2
NOTICED = math.log(1.1)
"""A rise that is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A cause in words."""

    sentence: str
    evidence: tuple[Evidence, ...]
    command: str
    nodes: tuple[str, ...] = ()


def cache_misses(rise: Rise) -> Said:
    """Prompts that are read anew."""
    places = rise.places_where(lambda place: place.missing)
    this, last = rise.this, rise.last
    now, before = _per_hour(this.evictions, this), _per_hour(last.evictions, last)
    pushed = ""
    if now is not None and before is not None and now > 1.5 * before:
        pushed = f"; its cache evicts {_number(now)} entries an hour, {_number(before)} before"
    return Said(
        sentence=f"prompt-cache misses{_of(places, rise)} are up: {_percent(this.cached_share)} of the prompt"
        f" tokens came from the cache, {_percent(last.cached_share)} before{pushed}",
        evidence=(
            _evidence("cached share of prompt tokens", "share", this.cached_share, last.cached_share),
            _evidence("hit rate", "share", this.hit_rate, last.hit_rate),
            _evidence("evictions", "an hour", now, before),
            _busy(this, last),
        ),
        command=APPLY,
        nodes=_names(places),
    )


def poisoned_cache(rise: Rise) -> Said:
    """Answers from a cache that went bad."""
    places = rise.places_where(lambda place: place.poisoned)
    worst = max(places, key=lambda place: place.this.busy_s or 0.0)
    this, last = worst.this, worst.last
    signs = []
    if worst.factors and worst.factors.slowness > NOTICED:
        signs.append(f"a token takes {math.exp(worst.factors.slowness):.1f} times as long")
    if worst.longer > NOTICED:
        signs.append(f"answers are {math.exp(worst.longer):.1f} times as long")
    signs.append(f"{_percent(this.failed_share)} of the requests fail, {_percent(last.failed_share)} before")
    return Said(
        sentence=f"the prompt cache{_of(places, rise)} looks poisoned: {_percent(this.hit_rate)} of the"
        f" lookups hit, {_percent(last.hit_rate)} before, and yet {listed(signs)}",
        evidence=(
            _evidence("hit rate", "share", this.hit_rate, last.hit_rate),
            _slowness(this, last),
            _evidence(
                "completion tokens per request",
                "tokens",
                this.completion_per_request,
                last.completion_per_request,
            ),
            _evidence("failed requests", "share", this.failed_share, last.failed_share),
        ),
        command="\n".join(f"garnet cache purge {place.node} {rise.model}" for place in places),
        nodes=_names(places),
    )


def throttling(rise: Rise) -> Said:
    """Chips that are too hot."""
    places = rise.places_where(lambda place: place.throttled)
    worst = max(places, key=lambda place: place.this.throttled_share or 0.0)
    this, last = worst.this, worst.last
    slower = math.exp(max(0.0, worst.factors.slowness)) if worst.factors else 1.0
    figure = f"throttled share of the working time of {worst.node}"
    return Said(
        sentence=f"{listed(_names(places))} throttled in {_percent(this.throttled_share)} of the working"
        f" time, {_percent(last.throttled_share)} before; a token takes {slower:.1f} times as long",
        evidence=(
            _evidence(figure, "share", this.throttled_share, last.throttled_share),
            _slowness(this, last),
            _busy(rise.this, rise.last),
        ),
        command=APPLY,
        nodes=_names(places),
    )


def errors(rise: Rise) -> Said:
    """Work that ends in an error and is asked for again."""
    places = rise.places_where(lambda place: place.failing)
    this, last = rise.this, rise.last
    codes = sorted(this.errors.items(), key=lambda item: (-item[1], item[0]))[:CODES_SHOWN]
    attempts = _per_hour(this.loader_requests, this), _per_hour(last.loader_requests, last)
    return Said(
        sentence=f"errors{_of(places, rise)} are up: {_percent(this.failed_share)} of the requests failed"
        f" (mostly {listed([code for code, _ in codes])}), {_percent(last.failed_share)} before;"
        " what they took of the loaders gave no tokens",
        evidence=(
            _evidence("failed requests", "share", this.failed_share, last.failed_share),
            _evidence("loader requests", "an hour", *attempts),
            _busy(this, last),
        ),
        command=f"garnet logs {' '.join(_names(places) or _names(rise.places))}",
        nodes=_names(places),
    )


def idle_up(rise: Rise) -> Said:
    """Nodes that are paid for and not used."""
    this, last = rise.this, rise.last
    who = listed((rise.node,) if rise.node else this.nodes)
    verb = "are" if not rise.node and len(this.nodes) > 1 else "is"
    return Said(
        sentence=f"{who} {verb} idle for longer: busy {_percent(this.node_busy_share)} of the time,"
        f" {_percent(last.node_busy_share)} before; {_why_idle(rise)}",
        evidence=(
            _evidence("busy share of its nodes", "share", this.node_busy_share, last.node_busy_share),
            _tokens(this, last),
        ),
        command=APPLY,
        nodes=(rise.node,) if rise.node else (),
    )


def traffic_down(rise: Rise) -> Said:
    """Fewer tokens for the same machines."""
    this, last = rise.whole_this, rise.whole_last
    requests = _per_hour(this.requests, this), _per_hour(last.requests, last)
    key = ""
    if rise.fallen_key:
        name, before, now = rise.fallen_key
        key = f"; the key {name} fell most, from {_number(before)} to {_number(now)} requests an hour"
    return Said(
        sentence=f"traffic of {rise.model} fell to {_percent(_ratio(this, last))} of its tokens:"
        f" {_number(requests[0])} requests an hour, {_number(requests[1])} before{key}",
        evidence=(_evidence("requests", "an hour", *requests), _tokens(this, last)),
        command=f'garnet telemetry query --since {rise.since} --until {rise.until} "{ASK_KEYS}"\n{APPLY}',
    )


def missing_minutes(rise: Rise) -> Said:
    """Tokens that were not counted."""
    this, last = rise.this, rise.last
    nodes = this.nodes or last.nodes
    return Said(
        sentence=f"only {_percent(this.complete_share)} of the minutes of {listed(nodes)} arrived:"
        " tokens are missing from the count",
        evidence=(_evidence("minutes present", "share", this.complete_share, last.complete_share),),
        command=f"garnet check {' '.join(nodes)}",
        nodes=nodes,
    )


def unknown(rise: Rise) -> Said:
    """Nothing that telemetry tells."""
    this, last = rise.this, rise.last
    slower = rise.factors.slowness if rise.factors else 0.0
    more = f", save that a token takes {math.exp(slower):.1f} times as long" if slower > NOTICED else ""
    return Said(
        sentence=f"telemetry names no cause{more}",
        evidence=(_busy(this, last), _slowness(this, last)),
        command=f"garnet logs {rise.node or ' '.join(this.nodes)}",
        nodes=(rise.node,) if rise.node else (),
    )


WORDS: dict[CauseKind, Callable[[Rise], Said]] = {
    "cache_misses": cache_misses,
    "poisoned_cache": poisoned_cache,
    "throttling": throttling,
    "errors": errors,
    "idle_up": idle_up,
    "traffic_down": traffic_down,
    "missing_minutes": missing_minutes,
    "unknown": unknown,
}


def listed(names: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _why_idle(rise: Rise) -> str:
    if not rise.node:
        more = len(rise.this.nodes) - len(rise.last.nodes)
        if more > 0:
            return f"it has loaders on {len(rise.this.nodes)} nodes, {len(rise.last.nodes)} before"
        return f"{rise.model} bears {math.exp(max(0.0, rise.total)):.1f} times as much of them"
    here, kept = _ratio(rise.this, rise.last), _ratio(rise.whole_this, rise.whole_last)
    if here < kept:
        return f"{rise.model} fell to {_percent(here)} of its tokens there, to {_percent(kept)} in the fleet"
    return f"other models there work less, so {rise.model} bears more of it"


def _of(places: Sequence[Place], rise: Rise) -> str:
    names = _names(places)
    if rise.node or (names and len(names) < len(rise.this.nodes)):
        return f" of {rise.model} on {rise.node or listed(names)}"
    return f" of {rise.model}"


def _names(places: Sequence[Place]) -> tuple[str, ...]:
    return tuple(place.node for place in places)


def _evidence(figure: str, unit: str, this: float | None, last: float | None) -> Evidence:
    return Evidence(figure=figure, unit=unit, last=last, this=this)


def _busy(this: Figures, last: Figures) -> Evidence:
    return _evidence("busy seconds per million tokens", "s", this.busy_s_per_million, last.busy_s_per_million)


def _slowness(this: Figures, last: Figures) -> Evidence:
    return _evidence("time per output token", "ms", this.token_time_ms, last.token_time_ms)


def _tokens(this: Figures, last: Figures) -> Evidence:
    return _evidence("tokens", "an hour", _per_hour(this.tokens, this), _per_hour(last.tokens, last))


def _per_hour(count: int | None, figures: Figures) -> float | None:
    return None if count is None else count / figures.hours


def _ratio(this: Figures, last: Figures) -> float:
    return (this.tokens / this.hours) / (last.tokens / last.hours) if last.tokens else 0.0


def _percent(share: float | None) -> str:
    if share is None:
        return "an unknown share"
    return f"{share:.1%}" if 0.0005 < share < 0.0995 else f"{share:.0%}"  # noqa: PLR2004 -- digits


def _number(value: float | None) -> str:
    if value is None:
        return "an unknown number of"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"  # noqa: PLR2004 -- digits
