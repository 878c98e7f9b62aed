"""Whose prices are looked at for anomalies: each model fleet-wide, and each model on each node. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from garnet_cli.judge.causes_figures import Figures, Window
from garnet_cli.judge.causes_rise import Figure
from garnet_cli.judge.costs import CostDiff, CostRow

FIGURES: tuple[Figure, ...] = get_args(Figure)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What has a price of its own in both windows."""

    model: str
    node: str
    """Where; "" is fleet-wide."""
    this: CostRow
    last: CostRow
    now: Figures
    before: Figures

    @property
    def kept_share(self) -> float:
        """Return which share of its tokens an hour is left."""
        return (self.now.tokens / self.now.hours) / (self.before.tokens / self.before.hours)

    def ratio(self, figure: Figure) -> float:
        """Return this price by the last, also below the token floor; 0 where nothing was paid before."""
        this, last = _paid(self.this, figure), _paid(self.last, figure)
        if not last or not self.last.tokens:
            return 0.0
        if not self.this.tokens:
            return math.inf if this else 0.0
        return (this / self.this.tokens) / (last / self.last.tokens)


def model_subjects(diff: CostDiff, now: Window, before: Window) -> Iterator[Subject]:
    """Yield the models that were there in both windows."""
    for change in diff.models:
        figures = now.of_model(change.name), before.of_model(change.name)
        if change.this and change.last and figures[0] and figures[1]:
            yield Subject(
                model=change.name,
                node="",
                this=change.this,
                last=change.last,
                now=figures[0],
                before=figures[1],
            )


def place_subjects(diff: CostDiff, now: Window, before: Window) -> Iterator[Subject]:
    """Yield the models on nodes that were there in both windows."""
    earlier = {(place.node, place.row.name): place.row for place in (diff.last.places if diff.last else ())}
    for place in diff.this.places:
        name, row = place.row.name, earlier.get((place.node, place.row.name))
        figures = now.at_node(name, place.node), before.at_node(name, place.node)
        if row and figures[0] and figures[1]:
            yield Subject(
                model=name, node=place.node, this=place.row, last=row, now=figures[0], before=figures[1]
            )


def price_of(row: CostRow, figure: Figure) -> float | None:
    """Return one of a row's two prices; ``None`` below the token floor."""
    return row.usd_per_million if figure == "fully loaded" else row.busy_usd_per_million


def _paid(row: CostRow, figure: Figure) -> int:
    return row.total_micros if figure == "fully loaded" else row.workload_micros
