"""Charts over the days of a period: stacked bars, one line of shares, a strip of completeness."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from garnet_cli.report.chart import axes, figure, gridlines
from garnet_cli.report.marks import Shape, Text
from garnet_cli.report.palette import ACCENT, INK, LADDER, OTHER, SOFT, hexadecimal
from garnet_cli.report.shown import Shown
from garnet_cli.report.style import CHART
from garnet_cli.report.typeface import width

THIN_DAY_PCT = 99.0
"""Days with less of their telemetry are marked."""
LABEL_PT = 9.0
"""Least distance between two labels at the right."""


def ticks(highest: float, count: int = 4) -> list[float]:
    """Return round values from 0 to at least ``highest``: steps of 1, 2, 2.5 or 5 times a power of ten."""
    if highest <= 0 or not math.isfinite(highest):
        return [0.0, 1.0]
    rough = highest / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return [step * place for place in range(math.ceil(highest / step - 1e-9) + 1)]


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Move ascending places so that they are ``apart`` at least, each as little as need be."""
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _first(groups[-1], apart) - _last(groups[-2], apart) < apart:
            groups[-2].extend(groups.pop())
    return [_first(group, apart) + apart * number for group in groups for number in range(len(group))]


def _first(group: Sequence[float], apart: float) -> float:
    return sum(group) / len(group) - apart * (len(group) - 1) / 2


def _last(group: Sequence[float], apart: float) -> float:
    return _first(group, apart) + apart * (len(group) - 1)


def day_ticks(days: Sequence[str], shown: Shown, room_pt: float = 493.0) -> tuple[list[int], list[str]]:
    """Return the places and labels of the days that are named: weekly in a month, monthly in a quarter."""
    if len(days) > 45:  # noqa: PLR2004 -- a quarter
        places = [place for place, day in enumerate(days) if day.endswith(("-01", "-15"))]
    else:
        places = [place for place, day in enumerate(days) if int(day[8:]) in {1, 8, 15, 22, 29}]
    places = places or ([0] if days else [])
    if room_pt < 30.0 * len(places):
        places = places[::2]
    return places, [shown.day(days[place]) for place in places]


def stacked(
    days: Sequence[str],
    layers: Sequence[tuple[str, Sequence[float]]],
    complete_pct: Sequence[float | None],
    shown: Shown,
) -> Callable[[float, float], list[Text | Shape]]:
    """Return the painter of bars by day, stacked from the first layer up, named at the right."""

    def paint(width_pt: float, height_pt: float) -> list[Text | Shape]:
        sums = [sum(values) for values in zip(*(layer for _, layer in layers), strict=True)]
        scale = ticks(max(sums, default=0))
        labels = [shown.trimmed(shown.short(value)) for value in scale]
        left = max(width(label, "regular", CHART.size_pt) for label in labels) + 8
        right = max(width(name, "semibold", CHART.size_pt) for name, _ in layers) + 10
        last = max((day for day, value in enumerate(sums) if value), default=0)
        with figure(width_pt, height_pt) as (made, marks):
            plot = axes(made, left, 6, right, 20)
            plot.set_xlim(-0.6, len(days) - 0.4)
            plot.set_ylim(0, scale[-1])
            gridlines(plot, scale, labels)
            base = [0.0] * len(days)
            ends: list[float] = []
            for (_, values), colour in zip(layers, LADDER, strict=False):
                plot.bar(
                    range(len(days)), values, bottom=base, width=0.74, color=hexadecimal(colour), linewidth=0
                )
                ends.append(base[last] + values[last] / 2)
                base = [below + value for below, value in zip(base, values, strict=True)]
            for day, complete in enumerate(complete_pct):
                if complete is None or complete < THIN_DAY_PCT:
                    share = (complete or 0.0) / 100
                    plot.plot(
                        [day - 0.37, day + 0.37],
                        [0, 0],
                        color=hexadecimal(ACCENT),
                        linewidth=2.4 - share,
                        solid_capstyle="butt",
                        clip_on=False,
                        zorder=5,
                    )
            places, names = day_ticks(days, shown)
            plot.set_xticks(places, names)
            high = height_pt - 26
            for (name, _), colour, at in zip(
                layers, LADDER, spread([end / scale[-1] * high for end in ends], LABEL_PT), strict=False
            ):
                plot.annotate(
                    name,
                    (1, at / high),
                    xycoords="axes fraction",
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    weight="semibold",
                    color=hexadecimal(colour if sum(colour) < 400 else SOFT),  # noqa: PLR2004 -- too light to read
                    fontsize=CHART.size_pt,
                    annotation_clip=False,
                )
        return marks

    return paint


def shares(
    days: Sequence[str],
    values_pct: Sequence[float | None],
    target_pct: float | None,
    target_label: str,
    shown: Shown,
) -> Callable[[float, float], list[Text | Shape]]:
    """Return the painter of one share by day as bars; an unknown day stays empty, the peak is named."""

    def paint(width_pt: float, height_pt: float) -> list[Text | Shape]:
        known = [value for value in values_pct if value is not None]
        highest = max([*known, (target_pct or 0) * 1.2, 0.1])
        scale = ticks(highest * 1.08, 3)
        labels = [shown.trimmed(shown.pct(value, 2)) for value in scale]
        left = max(width(label, "regular", CHART.size_pt) for label in labels) + 8
        right = width(target_label, "semibold", CHART.size_pt) + 10 if target_pct is not None else 6.0
        with figure(width_pt, height_pt) as (made, marks):
            plot = axes(made, left, 12, right, 20)
            plot.set_xlim(-0.6, len(days) - 0.4)
            plot.set_ylim(0, scale[-1])
            gridlines(plot, scale, labels)
            for day, value in enumerate(values_pct):
                if value is None:
                    plot.plot(
                        [day - 0.37, day + 0.37],
                        [0, 0],
                        color=hexadecimal(OTHER),
                        linewidth=2.4,
                        solid_capstyle="butt",
                        clip_on=False,
                        zorder=5,
                    )
                    continue
                over = target_pct is not None and value > target_pct
                plot.bar(
                    day, value, width=0.74, color=hexadecimal(ACCENT if over else LADDER[1]), linewidth=0
                )
            if target_pct is not None:
                plot.axhline(target_pct, color=hexadecimal(INK), linewidth=0.7, dashes=(3, 2))
                plot.annotate(
                    target_label,
                    (1, target_pct / scale[-1]),
                    xycoords="axes fraction",
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    weight="semibold",
                    fontsize=CHART.size_pt,
                    color=hexadecimal(INK),
                    annotation_clip=False,
                )
            if known and max(known) > 0:
                peak = max(known)
                day = list(values_pct).index(peak)
                edge = "left" if day <= 1 else "right" if day > len(days) - 3 else "center"
                plot.annotate(
                    shown.pct(peak),
                    (day + {"left": -0.4, "right": 0.4, "center": 0}[edge], peak),
                    xytext=(0, 3),
                    textcoords="offset points",
                    ha=edge,
                    va="bottom",
                    weight="semibold",
                    fontsize=CHART.size_pt,
                    color=hexadecimal(INK),
                    annotation_clip=False,
                )
            places, names = day_ticks(days, shown)
            plot.set_xticks(places, names)
        return marks

    return paint


def strip(
    days: Sequence[str], complete_pct: Sequence[float | None], shown: Shown
) -> Callable[[float, float], list[Text | Shape]]:
    """Return the painter of one small column a day, as high as the day's telemetry is complete."""

    def paint(width_pt: float, height_pt: float) -> list[Text | Shape]:
        with figure(width_pt, height_pt) as (made, marks):
            labels = [shown.pct(0), shown.pct(100)]
            left = max(width(label, "regular", CHART.size_pt) for label in labels) + 8
            plot = axes(made, left, 5, 2, 20)
            plot.set_xlim(-0.6, len(days) - 0.4)
            plot.set_ylim(0, 100)
            plot.set_yticks([0, 100], labels)
            plot.bar(range(len(days)), [100] * len(days), width=0.74, color=hexadecimal(OTHER), linewidth=0)
            plot.bar(
                range(len(days)),
                [value or 0 for value in complete_pct],
                width=0.74,
                color=hexadecimal(LADDER[1]),
                linewidth=0,
            )
            places, names = day_ticks(days, shown)
            plot.set_xticks(places, names)
        return marks

    return paint
