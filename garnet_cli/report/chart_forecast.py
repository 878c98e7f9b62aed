"""The chart of weeks so far and months ahead, with the range that the forecast admits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from garnet_cli.report.chart import axes, figure, gridlines
from garnet_cli.report.chart_days import ticks
from garnet_cli.report.marks import Shape, Text
from garnet_cli.report.palette import ACCENT, BAND, INK, LADDER, hexadecimal
from garnet_cli.report.sections import Capacity
from garnet_cli.report.shown import Shown
from garnet_cli.report.style import CHART
from garnet_cli.report.typeface import width

FEWEST_WEEKS = 2
MIDDLE_OF_WEEK = 3
MIDDLE_OF_MONTH = 15


def drawable(capacity: Capacity) -> bool:
    """Return whether there is a line to draw."""
    return sum(week.busy_pct is not None for week in capacity.weeks) >= FEWEST_WEEKS


def busy_share(capacity: Capacity, shown: Shown) -> Callable[[float, float], list[Text | Shape]]:
    """Return the painter of the busy share: weeks as a line, months in a band, the ceiling across."""

    def paint(width_pt: float, height_pt: float) -> list[Text | Shape]:
        weeks = [(_ordinal(week.begin_day) + MIDDLE_OF_WEEK, week.busy_pct) for week in capacity.weeks]
        ahead = [
            (_ordinal(f"{month.month}-{MIDDLE_OF_MONTH}"), low, expected, high)
            for month in capacity.months
            if (low := month.busy_pct_low) is not None
            and (expected := month.busy_pct_expected) is not None
            and (high := month.busy_pct_high) is not None
        ]
        known = [(at, value) for at, value in weeks if value is not None]
        highest = max([capacity.ceiling_pct, *(value for _, value in known), *(high for *_, high in ahead)])
        scale = ticks(min(highest * 1.05, 100) if highest <= 100 else highest * 1.05)  # noqa: PLR2004
        labels = [shown.pct(value, 0) for value in scale]
        ceiling, forecast = shown.words("capacity.ceiling"), shown.words("capacity.forecast")
        left = max(width(label, "regular", CHART.size_pt) for label in labels) + 8
        right = max(width(label, "semibold", CHART.size_pt) for label in (ceiling, forecast)) + 10
        with figure(width_pt, height_pt) as (made, marks):
            plot = axes(made, left, 8, right, 20)
            plot.set_xlim(known[0][0] - 4, max([known[-1][0], *(at for at, *_ in ahead)]) + 4)
            plot.set_ylim(0, scale[-1])
            gridlines(plot, scale, labels)
            plot.axhline(capacity.ceiling_pct, color=hexadecimal(ACCENT), linewidth=0.8, dashes=(3, 2))
            if ahead:
                last_at, last = known[-1]
                at = [last_at, *(place for place, *_ in ahead)]
                plot.fill_between(
                    at,
                    [last, *(low for _, low, _, _ in ahead)],
                    [last, *(high for *_, high in ahead)],
                    color=hexadecimal(BAND),
                    linewidth=0,
                    zorder=1,
                )
                plot.plot(
                    at,
                    [last, *(expected for _, _, expected, _ in ahead)],
                    color=hexadecimal(LADDER[0]),
                    linewidth=1.2,
                    dashes=(2, 1.5),
                    zorder=3,
                )
            # A week without data breaks the line: nothing is drawn where nothing is known.
            for piece in _pieces(weeks):
                plot.plot(
                    [place for place, _ in piece],
                    [value for _, value in piece],
                    color=hexadecimal(LADDER[0]),
                    linewidth=1.6,
                    solid_joinstyle="round",
                    zorder=4,
                    marker="o" if len(piece) == 1 else None,
                    markersize=2.5,
                )
            _name_ends(plot, capacity, ahead, scale[-1], height_pt - 28, (ceiling, forecast))
            months = _month_ticks(int(plot.get_xlim()[0]) + 1, int(plot.get_xlim()[1]))
            room = (width_pt - left - right) / max(1, len(months))
            every = 1 + int(40 / max(1.0, room))
            chosen = months[::-1][::every][::-1]
            plot.set_xticks(
                [place for place, _ in chosen],
                [shown.month(name) for _, name in chosen],
            )
        return marks

    return paint


def _name_ends(plot, capacity, ahead, top, high_pt, names) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    from garnet_cli.report.chart_days import LABEL_PT, spread  # noqa: PLC0415

    ceiling, forecast = names
    ends = [(capacity.ceiling_pct, ceiling, ACCENT)]
    if ahead:
        ends.append((ahead[-1][2], forecast, INK))
    ends.sort(key=lambda end: end[0])
    for (_, name, colour), at in zip(
        ends, spread([e[0] / top * high_pt for e in ends], LABEL_PT), strict=True
    ):
        plot.annotate(
            name,
            (1, at / high_pt),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            weight="semibold",
            fontsize=CHART.size_pt,
            color=hexadecimal(colour),
            annotation_clip=False,
        )


def _ordinal(iso: str) -> int:
    return date.fromisoformat(iso).toordinal()


def _pieces(weeks: Sequence[tuple[int, float | None]]) -> list[list[tuple[int, float]]]:
    pieces: list[list[tuple[int, float]]] = [[]]
    for at, value in weeks:
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((at, value))
    return [piece for piece in pieces if piece]


def _month_ticks(begin: int, end: int) -> list[tuple[int, str]]:
    """Return the first days of months within the range, with the months' names."""
    return [
        (day, date.fromordinal(day).strftime("%Y-%m"))
        for day in range(begin, end + 1)
        if date.fromordinal(day).day == 1
    ]
