"""Make the placement problem of an inventory and weeks of totals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from garnet_cli.fleet.inventory import Inventory
from garnet_cli.judge.memory import ArtifactSize
from garnet_cli.judge.placement_problem import PlacementProblem, PlacementRules
from garnet_cli.store.totals import Totals


def placement_problem(
    inventory: Inventory,
    history: Sequence[Totals],
    artifacts: Mapping[str, ArtifactSize],
    *,
    plan_requests_per_s: Mapping[str, float] | None = None,
    fixed_nodes: Collection[str] = (),
    rules: PlacementRules | None = None,
) -> PlacementProblem:
    """Return what to decide the placement from.

    ``history`` are weeks of totals with hours as buckets, oldest first; the last one is the week that is
    judged, the earlier ones make the trend. ``artifacts`` has what is known of models' files by served name
    (see ``local_artifacts``); of a model without an entry the memory that its loaders were seen to use
    counts, and without that it is not moved. ``plan_requests_per_s`` is by served name, in the busiest hours.
    """
    raise NotImplementedError
