"""How complete a week is said to be."""

from __future__ import annotations

import pytest

from garnet_cli.store.totals import NodeTotals, Totals
from garnet_cli.weekly.completeness import completeness_of, percent


def totals(*rows: NodeTotals) -> Totals:
    """Return an hour's totals of some nodes."""
    return Totals(fleet="f", begin_unix=0, end_unix=7200, bucket="hour", timezone="UTC", nodes=rows)


def node(name: str, begin_unix: int, present: int) -> NodeTotals:
    """Return one node's hour of 60 minutes."""
    return NodeTotals(begin_unix=begin_unix, node=name, minutes_expected=60, minutes_present=present)


def test_a_complete_week_says_so() -> None:
    """Without naming anybody."""
    found = completeness_of(totals(node("a", 0, 60), node("b", 0, 60)))
    assert found.sentence() == "The data are complete: 120 of 120 minutes."
    assert found.short == ()


def test_nodes_that_lack_minutes_are_named_the_worst_first() -> None:
    """Hours are added up by node; one minute of many is not rounded away."""
    found = completeness_of(
        totals(node("a", 0, 60), node("a", 3600, 59), node("b", 0, 60), node("b", 3600, 60), node("c", 0, 0))
    )
    assert found.sentence() == (
        "79.7 % of the minutes are there: c has 0 % (60 minutes missing), a has 99.2 % (1 minute missing)."
    )
    assert [one.node for one in found.short] == ["c", "a"]
    assert found.share == pytest.approx(239 / 300)


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.0, "0 %"), (0.99999, "99.9 %"), (0.00001, "0.1 %"), (0.5, "50.0 %")],
)
def test_all_and_nothing_are_said_of_all_and_nothing_only(share: float, text: str) -> None:
    """99.999 % is not 100 %."""
    assert percent(share) == text
