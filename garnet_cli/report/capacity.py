"""What is to come: tokens and busy share of the next months, and when a node is needed.

The busy share is that of the fleet's busiest hours: the 95th percentile over a week's hours of the loaders'
busy seconds by the nodes' seconds. A fleet of N nodes is full when, with one node lost, the others would be
busy for more than 80 % of the time: at 80 % x (N - 1) / N. Weeks are stretches of seven days up to the
period's end; one of which less than half is known does not count. How the trend and its interval come about
is said in garnet_cli/judge/trend.py.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from garnet_cli.judge.trend import HALF, Trend, trend_of
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.month import local_day, midnight, months_after
from garnet_cli.report.sections import Capacity, Costs, MonthForecast, WeekLoad
from garnet_cli.report.shares import change_pct
from garnet_cli.report.wording import Wording
from garnet_cli.store.hourly import HourLoad

WEEK_S = 7 * 86_400
HOURS_A_WEEK = 168
HOURS_A_MONTH = 730.5
BUSIEST = 0.95
CEILING_PCT = 80.0
MONTHS_SHOWN = 6
WEEKS_AHEAD = 26
FEWEST_WEEKS = 4
"""With fewer nothing is said of the future."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """The trends of a fleet's weeks. ``None`` where no week counts."""

    tokens: Trend | None
    """Tokens in a whole week."""
    busy_pct: Trend | None


def weeks_of(
    hours: Sequence[HourLoad], end_unix: int, begin_unix: int, nodes: int, timezone: str
) -> list[WeekLoad]:
    """Return the weeks of seven days between, oldest first, from the first that has data.

    Tokens are what was counted, also where minutes are missing: ``complete_pct`` says how much is there.
    """
    count = (end_unix - begin_unix) // WEEK_S
    first = end_unix - count * WEEK_S
    by_week: dict[int, list[HourLoad]] = defaultdict(list)
    for hour in hours:
        if hour.begin_unix >= first:
            by_week[(hour.begin_unix - first) // WEEK_S].append(hour)
    found = []
    for week in range(min(by_week, default=count), count):
        told = by_week[week]
        expected_s = WEEK_S * nodes
        found.append(
            WeekLoad(
                begin_day=local_day(first + week * WEEK_S, timezone).isoformat(),
                tokens=sum(hour.tokens for hour in told),
                busy_pct=busiest_pct(told),
                complete_pct=min(100.0, 100 * sum(hour.covered_s for hour in told) / expected_s),
            )
        )
    return found


def busiest_pct(hours: Sequence[HourLoad]) -> float | None:
    """Return the busy share that 95 of 100 of the known hours do not pass; ``None`` without any."""
    shares = sorted(
        100 * hour.busy_s / hour.covered_s for hour in hours if hour.busy_s is not None and hour.covered_s
    )
    return shares[max(0, math.ceil(BUSIEST * len(shares)) - 1)] if shares else None


def outlook_of(weeks: Sequence[WeekLoad]) -> Outlook:
    """Return the trends of weeks, oldest first; tokens of a week with gaps are scaled to a whole one."""
    counted = [week if (week.complete_pct or 0.0) >= 100 * HALF else None for week in weeks]
    tokens = [week.tokens / ((week.complete_pct or 0.0) / 100) if week else None for week in counted]
    busy = [week.busy_pct if week else None for week in counted]
    return Outlook(tokens=_trend(tokens), busy_pct=_trend(busy))


def ceiling_pct(nodes: int) -> float:
    """Return the busy share from which on a fleet of ``nodes`` is full; one node alone has none to lose."""
    return CEILING_PCT * (nodes - 1) / nodes if nodes > 1 else CEILING_PCT


def capacity_of(data: Gathered, costs: Costs, words: Wording) -> Capacity:
    """Return the section."""
    span, nodes = data.span, len(data.inventory.nodes)
    weeks = weeks_of(data.hours, span.end_unix, data.hours_begin_unix, nodes, span.timezone)
    outlook = outlook_of(weeks)
    known = outlook.tokens.weeks if outlook.tokens else 0
    ceiling = ceiling_pct(nodes)
    enough = known >= FEWEST_WEEKS
    months = _months(span.after, span.end_unix, span.timezone, outlook) if enough else ()
    needed = earliest = None
    if enough and outlook.busy_pct:
        crossing = outlook.busy_pct.reaches(ceiling, WEEKS_AHEAD)
        needed = _month_in(span.end_unix, crossing.expected, span.timezone)
        earliest = _month_in(span.end_unix, crossing.earliest, span.timezone)
    node_usd, api_usd = further_node(data, costs, ceiling)
    return Capacity(
        weeks=tuple(weeks),
        months=months,
        ceiling_pct=ceiling,
        needed_month=needed,
        needed_month_earliest=earliest,
        node_usd_per_month=node_usd,
        api_usd_per_month=api_usd,
        says=_says(words, outlook, known, ceiling, (needed, earliest)),
    )


def further_node(data: Gathered, costs: Costs, ceiling: float) -> tuple[float | None, float | None]:
    """Return what a further node costs a month, and what an API would ask for the tokens that it serves.

    It costs what a node of the period did on the average, and serves at ``ceiling`` as many tokens a busy
    second as the fleet did. Both in US dollars; ``None`` is unknown.
    """
    hours = data.span.hours
    if costs.total_usd is None or not hours:
        return None, None
    node_usd = costs.total_usd / max(1, len(data.inventory.nodes)) / hours * HOURS_A_MONTH
    busy_s = sum(row.loader_busy_s or 0.0 for row in data.totals.models)
    if not busy_s or not costs.compared_tokens or costs.api_usd is None:
        return node_usd, None
    tokens = sum(row.loader_prompt_tokens + row.loader_completion_tokens for row in data.totals.models)
    served = tokens / busy_s * HOURS_A_MONTH * 3600 * ceiling / 100
    return node_usd, served * costs.api_usd / costs.compared_tokens


def _trend(values: Sequence[float | None]) -> Trend | None:
    return trend_of(values) if any(value is not None for value in values) else None


def _months(after: date, end_unix: int, timezone: str, outlook: Outlook) -> tuple[MonthForecast, ...]:
    """Return the whole months after the period, each as its middle week is expected."""
    first = after if after.day == 1 else months_after(after, 1)
    found = []
    for ahead in range(MONTHS_SHOWN):
        start = months_after(first, ahead)
        begin, end = midnight(start, timezone), midnight(months_after(start, 1), timezone)
        middle = ((begin + end) / 2 - end_unix) / WEEK_S + 0.5
        if outlook.tokens is None:
            break
        tokens, weeks = outlook.tokens.at(middle), (end - begin) / WEEK_S
        busy = outlook.busy_pct.at(middle) if outlook.busy_pct else None
        if tokens.high is None:
            break
        found.append(
            MonthForecast(
                month=f"{start:%Y-%m}",
                tokens_low=round(tokens.low * weeks),
                tokens_expected=round(tokens.expected * weeks),
                tokens_high=round(tokens.high * weeks),
                busy_pct_low=busy.low if busy else None,
                busy_pct_expected=busy.expected if busy else None,
                busy_pct_high=busy.high if busy else None,
            )
        )
    return tuple(found)


def _month_in(end_unix: int, weeks_ahead: int | None, timezone: str) -> str | None:
    """Return the month in which a coming week ends; week 1 is the one after the period's last."""
    if weeks_ahead is None:
        return None
    return f"{local_day(end_unix + weeks_ahead * WEEK_S - 1, timezone):%Y-%m}"


def _says(
    words: Wording,
    outlook: Outlook,
    known: int,
    ceiling: float,
    needed: tuple[str | None, str | None],
) -> str:
    if outlook.tokens is None:
        return words.say("capacity.nothing")
    if known < FEWEST_WEEKS:
        return words.say("capacity.too_short", weeks=known, needed=FEWEST_WEEKS)
    parts = []
    if outlook.tokens.certain:
        slope = change_pct(
            outlook.tokens.at(1).expected + outlook.tokens.slope_per_week, outlook.tokens.at(1).expected
        )
        key = "capacity.grows" if outlook.tokens.slope_per_week > 0 else "capacity.shrinks"
        parts.append(words.say(key, change=words.pct(abs(slope or 0.0)), weeks=known))
    else:
        parts.append(words.say("capacity.flat", weeks=known))
    if outlook.busy_pct is None:
        parts.append(words.say("capacity.busy_unknown"))
        return " ".join(parts)
    month, earliest = needed
    last = outlook.busy_pct.last
    if last >= ceiling:
        parts.append(words.say("capacity.full", busy=words.pct(last), ceiling=words.pct(ceiling)))
    elif month is not None:
        parts.append(words.say("capacity.needed", month=words.month_named(month), ceiling=words.pct(ceiling)))
    elif earliest is not None:
        parts.append(
            words.say("capacity.perhaps", month=words.month_named(earliest), ceiling=words.pct(ceiling))
        )
    else:
        parts.append(
            words.say("capacity.enough", weeks=WEEKS_AHEAD, busy=words.pct(last), ceiling=words.pct(ceiling))
        )
    return " ".join(parts)
