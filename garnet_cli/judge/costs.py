"""What a window cost, by model, node and key, and what changed since the window before. Pure.

Money is in whole millionths of a US dollar (``…_micros``), divided so that parts add up to their total
exactly; a price in dollars per million tokens is micros by tokens.

total = workload + idle + overhead, where
- hardware = (price - residual value) x hours / life hours, energy = kWh x tariff (costs_nodes.py);
- workload is the part of hardware and energy in which a node worked, idle the rest;
- a model bears of its node's workload by its loaders' busy seconds, and of idle and overhead by its workload
  (costs_models.py); what no model can bear stands under NO_MODEL.

*Fully loaded* is a row's total by its tokens, *busy-only* its workload by its tokens. Tokens are prompt and
completion tokens as clients counted them; a node's are those of its loaders. Cached tokens are part of prompt
tokens; the three kinds are priced apart by the time that they take (costs_kinds.py).
"""

from __future__ import annotations

from garnet_cli.judge.costs_basis import CostBasis as CostBasis  # noqa: PLC0414 -- known from here
from garnet_cli.judge.costs_basis import basis_of as basis_of  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_change import CostChange as CostChange  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_change import CostDiff as CostDiff  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_change import Effects as Effects  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_rows import NO_MODEL as NO_MODEL  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_rows import Comparison as Comparison  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_rows import CostRow as CostRow  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_rows import usd as usd  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import Costs as Costs  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import Doubt as Doubt  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import Energy as Energy  # noqa: PLC0414 -- likewise
from garnet_cli.judge.costs_window import NodeCost as NodeCost  # noqa: PLC0414 -- likewise
from garnet_cli.store.totals import Totals


def costs_of(totals: Totals, basis: CostBasis) -> Costs:
    """Return what the window of ``totals`` (of any bucket size, the window is added up) cost.

    Nodes are those of the inventory, for the whole window, and those that sent minutes but are no longer in
    it, without a price, for the time that they sent.
    """
    raise NotImplementedError


def cost_diff(this: Totals, last: Totals | None, basis: CostBasis) -> CostDiff:
    """Return this window's costs against the last one's, both at the inventory's prices of today.

    Windows of unlike length (a week of 167 or 169 hours) are compared as they are: hardware and overhead
    grow with the hours.
    """
    raise NotImplementedError
