"""Made-up page 1 and outlook: figures, decisions, recommendations, scorecard, capacity, completeness."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from garnet_cli.report import contents as c
from garnet_cli.report import sections as s
from tests.garnet_cli.report.made_trace import TRACE


def key_figures(volume: s.Volume, known: float, *, traffic: bool) -> tuple[c.KeyFigure, ...]:
    """Return that part of the report."""
    rows: tuple[
        tuple[str, str, c.Unit, float | None, float | None, str, float | None, str, str, str], ...
    ] = (
        (
            "tokens",
            "Tokens served",
            "tokens",
            float(volume.tokens),
            None,
            "none",
            11.1,
            "pct",
            "up",
            "3.1 million requests",
        ),
        (
            "usd_per_million",
            "Cost per million tokens",
            "usd_per_million_tokens",
            0.1424,
            None,
            "none",
            -6.2,
            "pct",
            "down",
            "fully loaded, weighted average",
        ),
        (
            "savings",
            "Cost under API",
            "times",
            6.4,
            5.0,
            "at_least",
            4.0,
            "pct",
            "up",
            "saves $8,412, 84 % of the API price",
        ),
        (
            "uptime",
            "Uptime as clients see it",
            "pct",
            99.982,
            99.9,
            "at_least",
            0.01,
            "points",
            "up",
            "8 minutes down",
        ),
        (
            "latency",
            "p95 to the first token, 7-34B",
            "ms",
            142.0,
            100.0,
            "at_most",
            12.0,
            "pct",
            "down",
            "qwen3-32b is the slowest, with 312 ms",
        ),
        (
            "throttle",
            "Inference time throttled",
            "pct",
            0.42,
            1.0,
            "at_most",
            -0.12,
            "points",
            "down",
            "mini-03 has most of it",
        ),
        (
            "swap_window",
            "Longest swap window",
            "s",
            96.0,
            120.0,
            "at_most",
            None,
            "pct",
            "down",
            "14 swaps, none failed",
        ),
        (
            "completeness",
            "Telemetry complete",
            "pct",
            100 * known - 0.03,
            99.0,
            "at_least",
            0.0,
            "points",
            "up",
            "",
        ),
    )
    found = []
    for key, label, unit, actual, target, target_is, change, change_unit, better, note in rows:
        shown = actual if traffic or key == "completeness" else None
        status: c.Status = "none" if target is None else "unknown" if shown is None else "met"
        if shown is not None and target is not None:
            met = shown >= target if target_is == "at_least" else shown <= target
            status = "met" if met else "missed"
        found.append(
            c.KeyFigure(
                key=key,
                label=label,
                unit=unit,
                actual=shown,
                target=target,
                target_is=target_is,  # type: ignore[arg-type]
                before=None,
                change=change if shown is not None else None,
                change_unit=change_unit,  # type: ignore[arg-type]
                better=better,  # type: ignore[arg-type]
                status=status,
                trace=TRACE,
                note=note if shown is not None else "no request in the period",
            )
        )
    return tuple(found)


def decisions(*, traffic: bool) -> tuple[c.Decision, ...]:
    """Return that part of the report."""
    if not traffic:
        return ()
    return (
        c.Decision(
            text="Add a ninth node by February 2027?",
            why="At the present growth of 11 % a month the busy share passes 70 % in February 2027; the same "
            "tokens from an API would cost $2,940 a month.",
            worth_usd_per_month=-148.2,
            command="",
        ),
        c.Decision(
            text="Retire smollm2-1.7b?",
            why="It served 0.2 % of the tokens and holds 2.1 GiB on three nodes.",
            worth_usd_per_month=12.4,
            command="garnet down smollm2-1.7b",
        ),
        c.Decision(
            text="Lower the room of mini-03 by 3 °C?",
            why="It throttled for 1.9 % of its busy time, always between 14:00 and 18:00.",
            worth_usd_per_month=None,
            command="",
        ),
    )


def recommendations(*, traffic: bool) -> tuple[s.Recommendation, ...]:
    """Return that part of the report."""
    if not traffic:
        return ()
    return (
        s.Recommendation(
            kind="placement",
            text="Serve llama-3.3-70b on mini-01 as well.",
            why="Its queue was full for 41 minutes in the month, while mini-01 was busy for 9 % of the time.",
            command="garnet up --node mini-01",
        ),
        s.Recommendation(
            kind="retire", text="Retire smollm2-1.7b.", why="It served 0.2 % of the tokens.", command=""
        ),
        s.Recommendation(
            kind="thermal",
            text="Clean the intake of mini-03.",
            why="Its fan ran at full speed for 61 hours.",
            command="",
        ),
    )


def scorecard(*, history: bool) -> s.Scorecard:
    """Return that part of the report."""
    rows: tuple[tuple[str, str, str, float, float | None, str, float, str], ...] = (
        ("latency", "p95 to the first token, 7-34B", "ms", 100.0, None, "at_most", 142.0, "missed"),
        ("uptime", "Uptime", "pct", 99.9, None, "at_least", 99.951, "met"),
        ("swap", "Swap windows", "s", 120.0, None, "at_most", 96.0, "met"),
        ("throttle", "Throttled share of inference time", "pct", 1.0, None, "at_most", 0.61, "met"),
        ("cost", "Cost under API", "times", 5.0, 15.0, "range", 6.8, "met"),
    )
    lines = tuple(
        s.ScoreLine(
            key=key,
            label=label,
            unit=unit,
            target=target,
            target_high=high,
            target_is=is_,  # type: ignore[arg-type]
            actual=actual,
            status=status,  # type: ignore[arg-type]
            note="",
        )
        for key, label, unit, target, high, is_, actual, status in rows
    )
    return s.Scorecard(
        begin_day="2026-08-03",
        end_day="2026-10-31",
        days_of_data=90 if history else 31,
        needed_days=90,
        complete_pct=99.2,
        lines=lines if history else (),
        says="",
    )


def capacity(chance: Random, *, history: bool, traffic: bool) -> s.Capacity:
    """Return that part of the report."""
    weeks = tuple(
        s.WeekLoad(
            begin_day=(date(2026, 8, 3) + timedelta(weeks=place)).isoformat(),
            tokens=10**9,
            busy_pct=(30 + 2 * place + chance.uniform(-3, 3)) if traffic else 0.0,
            complete_pct=99.0,
        )
        for place in range(12)
    )
    months = tuple(
        s.MonthForecast(
            month=f"{2026 + (10 + place) // 12}-{(10 + place) % 12 + 1:02d}",
            tokens_low=4.1e9 * 1.02**place,
            tokens_expected=5.4e9 * 1.08**place,
            tokens_high=6.6e9 * 1.16**place,
            busy_pct_low=45.0 + place,
            busy_pct_expected=52.0 + 5 * place,
            busy_pct_high=60.0 + 9 * place,
        )
        for place in range(6)
    )
    return s.Capacity(
        weeks=weeks if history else weeks[:1],
        months=months if history and traffic else (),
        ceiling_pct=70.0,
        needed_month="2027-02" if history and traffic else None,
        needed_month_earliest="2026-12" if history and traffic else None,
        node_usd_per_month=200.1,
        api_usd_per_month=2940.0,
        says="With growth as in the last twelve weeks, a node is needed in February 2027."
        if history
        else "Four weeks of history are needed for a forecast; there is one.",
    )


def quarter(models: list[str]) -> s.Quarter:
    """Return that part of the report."""
    return s.Quarter(
        add_capacity=True,
        add_capacity_why="The busy share is expected to pass 70 % within the next quarter.",
        swaps=tuple(
            s.ModelSwap(
                model=model,
                proposed=f"{model}-next",
                repository=f"mlx-community/{model}-next-4bit",
                released="2026-09-12",
                licence="Apache-2.0",
                need_bytes=22 * 2**30,
                fits=(True, False, None)[place % 3],
                why="Newer by eleven months, of the same size, better in the catalogue's comparisons.",
            )
            for place, model in enumerate(models[:4])
        ),
        catalogue_date="2026-11-01",
        tiers=tuple(
            s.Tier(
                size_class=name,
                models=tuple(models[place::3]),
                tokens=10**9,
                share_pct=33.3,
                usd_per_million=0.14,
                latency_p95_ms=8123.0,
                verdict="keep",
            )
            for place, name in enumerate(("under 7B", "7-34B", "over 34B"))
        ),
    )


def completeness(
    nodes: list[str], node_known: list[bool], days: list[str], day_known: list[bool], known: float
) -> c.Completeness:
    """Return that part of the report."""
    expected = len(days) * 1440
    return c.Completeness(
        expected_minutes=expected * len(nodes),
        present_minutes=int(expected * len(nodes) * known),
        complete_pct=100 * known,
        nodes=tuple(
            c.NodeCompleteness(
                node=node,
                expected_minutes=expected,
                present_minutes=expected if there else 0,
                complete_pct=100.0 if there else 0.0,
            )
            for node, there in zip(nodes, node_known, strict=True)
        ),
        days=tuple(
            c.DayCompleteness(day=day, complete_pct=100.0 if there else 0.0)
            for day, there in zip(days, day_known, strict=True)
        ),
        dropped_minutes=0,
        missed_samples=12,
        unrecorded_requests=0,
        corrupt_lines=0,
        set_aside_objects=0,
        notes=() if known >= 1 else ("Half of the telemetry is missing: totals are lower bounds.",),
    )
