"""Cost per million tokens by model: here with its range, and what an API asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from garnet_cli.report.chart import axes, figure
from garnet_cli.report.marks import Shape, Text
from garnet_cli.report.palette import ACCENT, INK, LADDER, RULE, hexadecimal
from garnet_cli.report.paragraph import told_apart
from garnet_cli.report.sections import ModelCost
from garnet_cli.report.shown import Shown
from garnet_cli.report.style import CELL, CHART

ROW_PT = 17.0
NAMES_PT = 150.0
HEAD_PT, FOOT_PT = 16.0, 18.0
MOST_MODELS = 14


def drawable(models: Sequence[ModelCost]) -> list[ModelCost]:
    """Return the models that have a price here, the most expensive in all first; no more than can be read."""
    return [model for model in models if (model.usd_per_million or 0) > 0][:MOST_MODELS]


def height_pt(models: Sequence[ModelCost]) -> float:
    """Return the chart's height for these models."""
    return HEAD_PT + FOOT_PT + ROW_PT * len(models)


def ladder(models: Sequence[ModelCost], shown: Shown) -> Callable[[float, float], list[Text | Shape]]:
    """Return the painter: a row a model, a dot with a range for here, a ring for the API, a line between."""

    def paint(width_pt: float, height_pt: float) -> list[Text | Shape]:
        prices = [
            price
            for model in models
            for price in (
                model.usd_per_million,
                model.usd_per_million_low,
                model.usd_per_million_high,
                model.api_usd_per_million,
            )
            if price
        ]
        with figure(width_pt, height_pt) as (made, marks):
            plot = axes(made, NAMES_PT, HEAD_PT, 16, FOOT_PT)
            plot.set_xscale("log")
            plot.set_xlim(min(prices) / 1.3, max(prices) * 1.3)
            plot.set_ylim(len(models) - 0.4, -0.6)
            plot.set_yticks([])
            scale = _ticks(*plot.get_xlim())
            plot.set_xticks(scale, [shown.trimmed(shown.rate(value)) for value in scale])
            plot.set_xticks([], minor=True)
            for value in scale:
                plot.axvline(value, color=hexadecimal(RULE), linewidth=0.4, zorder=0)
            names = told_apart([model.model for model in models], CELL, NAMES_PT - 12)
            for row, model in enumerate(models):
                _row(plot, row, model)
                plot.annotate(
                    names[row],
                    (0, row),
                    xycoords=("axes fraction", "data"),
                    xytext=(-NAMES_PT, 0),
                    textcoords="offset points",
                    va="center",
                    ha="left",
                    fontsize=CELL.size_pt,
                    color=hexadecimal(INK),
                    annotation_clip=False,
                )
            _name_first(plot, models, shown)
        return marks

    return paint


def _row(plot, row: int, model: ModelCost) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    here, api = model.usd_per_million or 0.0, model.api_usd_per_million
    if api:
        plot.plot([here, api], [row, row], color=hexadecimal(RULE), linewidth=1.0, zorder=1)
        plot.plot(
            [api],
            [row],
            marker="o",
            markersize=5.4,
            markerfacecolor="white",
            markeredgecolor=hexadecimal(ACCENT),
            markeredgewidth=1.1,
            zorder=3,
        )
    if model.usd_per_million_low and model.usd_per_million_high:
        plot.plot(
            [model.usd_per_million_low, model.usd_per_million_high],
            [row, row],
            color=hexadecimal(LADDER[2]),
            linewidth=3.2,
            solid_capstyle="butt",
            zorder=2,
        )
    plot.plot(
        [here], [row], marker="o", markersize=5.4, color=hexadecimal(LADDER[0]), markeredgewidth=0, zorder=4
    )


def _name_first(plot, models: Sequence[ModelCost], shown: Shown) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Name dot and ring above the first row that has both; above the first dot where none has."""
    row = next((place for place, model in enumerate(models) if model.api_usd_per_million), 0)
    if row:
        return
    here, api = models[0].usd_per_million or 0.0, models[0].api_usd_per_million
    names = [(here, shown.words("costs.here"), LADDER[0])]
    if api:
        names.append((api, shown.words("costs.from_api"), ACCENT))
    left = min(names)[0]
    for price, name, colour in names:
        side = "center" if len(names) == 1 else "right" if price == left else "left"
        shift = {"center": 0, "right": 3, "left": -3}[side]
        plot.annotate(
            name,
            (price, 0),
            xytext=(shift, 7),
            textcoords="offset points",
            va="bottom",
            ha=side,
            weight="semibold",
            fontsize=CHART.size_pt,
            color=hexadecimal(colour),
            annotation_clip=False,
        )


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5 times powers of ten within the range; fewer where there would be many."""
    found = [
        factor * 10.0**power
        for power in range(-6, 6)
        for factor in (1, 2, 5)
        if low <= factor * 10.0**power <= high
    ]
    if len(found) > 8:  # noqa: PLR2004 -- labels would touch
        found = [value for value in found if f"{value:e}".startswith("1")]
    return found
