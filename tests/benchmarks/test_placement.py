"""The simulated fleets of the placement benchmark."""

from __future__ import annotations

import pytest

from benchmarks.placement import SIZES, simulated
from garnet_cli.judge.placement_check import broken_rules


@pytest.mark.parametrize(("nodes", "models"), SIZES)
def test_a_simulated_fleet_fits_and_something_is_wrong_with_it(nodes: int, models: int) -> None:
    """Equal seeds give equal fleets; each has grown, lost a second node and has a cache that is too small."""
    problem = simulated(7, nodes, models)
    assert problem == simulated(7, nodes, models)
    assert problem != simulated(8, nodes, models)
    assert len(problem.nodes) == nodes
    assert 0.8 * models <= len(problem.models) <= models
    assert not broken_rules(problem, problem.today, [])
    assert any(len(model.nodes) == 1 for model in problem.models)
    assert any(model.busy_share > 1.4 * model.last_busy_share for model in problem.models)
    assert any(model.cache_raise_mib for model in problem.models)
