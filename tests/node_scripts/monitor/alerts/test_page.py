"""docs/alerts.md tells every rule as it is."""

from __future__ import annotations

import pytest

from node_scripts.monitor.alerts.rule import Rule
from node_scripts.monitor.alerts.rules import RULES
from tests.conftest import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "alerts.md").read_text().splitlines()
    if line.startswith("| `")
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_page_tells_severity_duration_route_and_inhibition_of_every_rule(rule: Rule) -> None:
    """In one row each."""
    [row] = [row for row in ROWS if row[0] == f"`{rule.name}`"]
    duration = f"{rule.for_s:.0f} s" if rule.for_s else ""
    explained = ", ".join(f"`{name}`" for name in rule.inhibited_by)
    assert [row[1], *row[3:]] == [rule.severity, duration, rule.route, explained]


def test_page_tells_no_rule_that_there_is_not() -> None:
    """A removed rule goes from the page."""
    assert len(ROWS) == len(RULES)
