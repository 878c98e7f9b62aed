"""All figures of a report, from what was gathered for it. Pure: equal data make equal reports."""

from __future__ import annotations

from dataclasses import replace

from garnet_cli import __version__
from garnet_cli.judge.costs import basis_of, costs_of
from garnet_cli.judge.placement import best_placement
from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.judge.placement_totals import placement_problem
from garnet_cli.report.capacity import capacity_of
from garnet_cli.report.catalogue import Catalogue
from garnet_cli.report.contents import MethodEntry, MonthReport, Period
from garnet_cli.report.figures_completeness import completeness_of
from garnet_cli.report.figures_costs import costs_section
from garnet_cli.report.figures_distribution import distribution_of
from garnet_cli.report.figures_evictions import evictions_of
from garnet_cli.report.figures_keys import Sections, key_figures
from garnet_cli.report.figures_thermal import thermal_of
from garnet_cli.report.figures_uptime import uptime_of
from garnet_cli.report.figures_volume import period_title, volume_of
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.month import Span
from garnet_cli.report.placement_sentences import in_sentences
from garnet_cli.report.quarter import quarter_of
from garnet_cli.report.recommendations import decisions, recommendations
from garnet_cli.report.scorecard import scorecard_of
from garnet_cli.report.traces import TRACES
from garnet_cli.report.wording import Wording


def month_report(data: Gathered, catalogue: Catalogue, words: Wording, *, customer: str = "") -> MonthReport:
    """Return the report of what was gathered, with its sentences in the language of ``words``."""
    basis = basis_of(data.inventory)
    known_before = any(row.minutes_present for row in data.before.nodes)
    # Nodes are added up from days here, too: their figures are those of the other sections to the last bit.
    window = replace(data.sums, nodes=data.totals.nodes)
    costs = costs_section(
        costs_of(window, basis), costs_of(data.before, basis) if known_before else None, words
    )
    diff = placement_diff(data)
    volume, thermal = volume_of(data, words), thermal_of(data, words)
    evictions, distribution = evictions_of(data, words), distribution_of(data, diff, words)
    uptime, completeness = uptime_of(data, words), completeness_of(data, words)
    capacity = capacity_of(data, costs, words)
    found = recommendations(
        data,
        diff,
        (volume, thermal, evictions, distribution, costs, uptime, capacity, completeness),
        words,
    )
    sections = Sections(volume=volume, thermal=thermal, costs=costs, uptime=uptime, completeness=completeness)
    quarterly = data.span.kind == "quarter"
    return MonthReport(
        garnet=__version__,
        language=words.language,
        fleet=data.inventory.fleet.name,
        customer=customer,
        period=_period(data.span, words),
        as_of_unix=data.span.end_unix,
        key_figures=key_figures(data, sections, words),
        decisions=decisions(data, costs, capacity, found, words),
        volume=volume,
        thermal=thermal,
        evictions=evictions,
        distribution=distribution,
        costs=costs,
        uptime=uptime,
        recommendations=found,
        scorecard=scorecard_of(data, costs, words),
        capacity=capacity,
        quarter=quarter_of(data, catalogue, (volume, distribution, costs, capacity), words)
        if quarterly
        else None,
        completeness=completeness,
        method=method(words),
        traces=TRACES,
    )


def placement_diff(data: Gathered) -> PlacementDiff | None:
    """Return a better placement than today's, its reasons as sentences; ``None`` without a week's minutes.

    Found by the greedy search, in the blink of an eye and equally on any machine: this only says whether
    to rebalance. `garnet weekly`, which proposes the moves that are made, solves it exactly.
    """
    known = [totals for totals in data.placement_weeks if any(row.minutes_present for row in totals.nodes)]
    if not known:
        return None
    found = best_placement(placement_problem(data.inventory, known, data.artifacts), greedy=True)
    return in_sentences(found)


def method(words: Wording) -> tuple[MethodEntry, ...]:
    """Return the formulas and rules, in the order of the language file."""
    return tuple(
        MethodEntry(name=name, title=str(entry["title"]), text=str(entry["text"]))
        for name, entry in words.entries("method").items()
    )


def _period(span: Span, words: Wording) -> Period:
    return Period(
        kind=span.kind,
        name=span.name,
        title=period_title(span, words),
        timezone=span.timezone,
        begin_unix=span.begin_unix,
        end_unix=span.end_unix,
        hours=span.hours,
        days=span.days,
        preview=not span.whole,
        before_name=span.before.name,
    )
