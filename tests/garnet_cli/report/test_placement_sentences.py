"""The judge's reasons, which it also puts within sentences, are sentences of their own in a report."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from garnet_cli.report.contents import MonthReport
from garnet_cli.report.placement_sentences import in_sentences, sentence
from tests.garnet_cli.report.in_memory import fleet, gathered, report_of
from tests.garnet_cli.weekly.made import move, placement
from tests.simulated.spec import Injected
from tests.simulated.totals import simulate_totals

NAMES = ("qwen3-8b", "mini-1", "mini-10")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("it makes room on mini-1 for qwen3-8b", "It makes room on mini-1 for qwen3-8b."),
        ("with mini-1 lost, mini-10 would be busy", "With mini-1 lost, mini-10 would be busy."),
        ("qwen3-8b is on mini-1 alone: lost, nobody would serve it", None),
        ("mini-10 would be 90 % busy", None),
        ("qwen3-8b-coder would not be known", "Qwen3-8b-coder would not be known."),
        ("7 % of its lookups found a prefix", None),
        ("Its hit rate is 12 %.", "Its hit rate is 12 %."),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_or_a_name_as_it_is(told: str, expected: str | None) -> None:
    """And ends with a full stop, once."""
    assert sentence(told, NAMES) == (f"{told}." if expected is None else expected)


def test_all_that_a_report_quotes_of_a_placement_is_made_a_sentence() -> None:
    """Reasons of moves and of caches, and what stays unmet; the names that it knows stay as they are."""
    diff = replace(
        placement(replace(move("llama"), reason="llama is on mini-1 alone")),
        unmet=("one node has no other to stand in for it", "qwen is above plan"),
    )
    told = in_sentences(diff)
    assert [one.reason for one in told.moves] == ["llama is on mini-1 alone."]
    assert told.unmet == ("One node has no other to stand in for it.", "qwen is above plan.")
    assert replace(told, moves=diff.moves, unmet=diff.unmet) == diff


@pytest.fixture(scope="module")
def rebalanced() -> MonthReport:
    """Return the report of a fleet with a hot node in the middle of three, which a model should leave."""
    hot = Injected(kind="throttling", node="mini-2", strength=0.4)
    spec = replace(fleet(3), injected=(hot,))
    week = simulate_totals(spec, "hour", histograms=False)
    return report_of(replace(gathered(spec), placement_weeks=(week,)))


def test_every_reason_in_a_report_is_a_sentence(rebalanced: MonthReport) -> None:
    """Among the recommendations and the decisions, in the section and in its table."""
    found = rebalanced.distribution
    assert found.rebalance is True
    told = [
        found.why,
        found.solver,
        *(one.reason for one in found.moves),
        *(one.why for one in rebalanced.recommendations),
        *(one.why for one in rebalanced.decisions),
    ]
    begins = re.compile(r"[A-Z0-9$]|mini-\d|qwen2\.5-coder-\d")
    assert [text for text in told if not begins.match(text) or not text.endswith(".")] == []


def test_a_fleet_that_cannot_meet_a_rule_is_told_so_in_a_sentence() -> None:
    """Of one node, after the sentence that it stays as it is."""
    spec = fleet(1, 1)
    week = simulate_totals(spec, "hour", histograms=False)
    report = report_of(replace(gathered(spec), placement_weeks=(week,)))
    assert ". One node has no other to stand in for it: " in report.distribution.why
    unmet = next(one for one in report.recommendations if one.kind == "placement")
    assert unmet.why.startswith("One node has no other to stand in for it: ")
