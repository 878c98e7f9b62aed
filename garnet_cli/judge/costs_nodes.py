"""What one node cost in a window: hardware, energy and overhead, and in how much of it it worked. Pure.

The one place of these formulas; the dashboard uses them, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from garnet_cli.fleet.inventory import CostSettings
from garnet_cli.judge.costs_basis import CostBasis
from garnet_cli.judge.costs_money import divide, micros_of
from garnet_cli.judge.costs_window import Energy, EnergySource
from garnet_cli.judge.monitoring import METERS
from garnet_cli.store.totals import ModelTotals, NodeTotals

HOURS_PER_MONTH = 730.5
"""365.25 days of 24 hours over 12 months."""

JOULES_PER_KWH = 3.6e6
METER_DOUBT = 0.02
"""Accuracy of smart plugs and rack PDUs as their makers state it: 1 to 2 %."""
SYSTEM_DOUBT = 0.10
"""The machine's own figure has no stated accuracy and leaves the power supply's loss out: assumed."""
OWN_MEAN_FROM = 0.05
"""Share of the window from which on a node's own mean watts stand for the rest."""
LIFE_DOUBT_MONTHS = 12
"""Hardware may serve a year more or less than was assumed."""
THERMAL_FROM = 0.5
"""Share of the covered time from which on the packed seconds say how much a node worked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeMoney:
    """One node's costs in micros, before models bear them."""

    name: str
    seconds: float
    """Of the window for which it is counted."""
    busy_s: float | None
    hardware: int
    energy: int
    overhead: int
    workload: int
    """Of hardware and energy; the rest is idle."""
    priced: bool
    kwh: Energy
    hardware_doubt: tuple[int, int]
    """What may be off, overhead by percentage with it: below 0 or 0, above 0 or 0."""
    energy_doubt: tuple[int, int]

    @property
    def idle(self) -> int:
        """Return hardware and energy less the workload."""
        return self.hardware + self.energy - self.workload

    @property
    def total(self) -> int:
        """Return all three together."""
        return self.hardware + self.energy + self.overhead


def hardware_usd(price_usd: float, hours: float, *, life_months: float, residual_pct: float) -> float:
    """Return what a node is written off by in ``hours``: evenly over its life, down to its residual value."""
    return price_usd * (1 - residual_pct / 100) * hours / (life_months * HOURS_PER_MONTH)


def overhead_usd(hours: float, other_usd: float, *, usd_per_month: float, share_pct: float) -> float:
    """Return a fleet's overhead: what a month costs by the hours, and a share of its hardware and energy."""
    return usd_per_month * hours / HOURS_PER_MONTH + other_usd * share_pct / 100


def node_money(
    basis: CostBasis, nodes: Sequence[NodeTotals], models: Sequence[ModelTotals], window_s: float
) -> list[NodeMoney]:
    """Return each node's costs, those of the inventory first; rows are of the whole window."""
    rows = {row.node: row for row in nodes}
    gone = [
        row.node
        for row in nodes
        if row.node not in basis.prices_usd and (row.covered_s or row.minutes_present)
    ]
    own = list(basis.prices_usd)
    per_month = basis.settings.overhead_usd_per_month
    fixed_usd = overhead_usd(window_s / 3600, 0.0, usd_per_month=per_month, share_pct=0.0)
    fixed = dict(zip(own, divide(micros_of(fixed_usd), [1.0] * len(own)), strict=True)) if own else {}
    found = []
    for name in [*own, *gone]:
        row = rows.get(name) or NodeTotals(begin_unix=0, node=name)
        seconds = window_s if name in fixed else min(row.covered_s, window_s)
        here = [model for model in models if model.node == name]
        found.append(_money(basis, row, here, seconds, fixed.get(name, 0)))
    return found


def busy_share(node: NodeTotals, models: Sequence[ModelTotals]) -> float | None:
    """Return the share (0..1) of the observed time with a request in any loader; ``None`` is unknown.

    Without packed seconds, from the loaders' own shares as if they were independent.
    """
    if node.thermal_observed_s > 0 and node.thermal_observed_s >= THERMAL_FROM * node.covered_s:
        return min(1.0, node.packed_s / node.thermal_observed_s)
    shares = [min(1.0, row.busy_share) for row in models if row.busy_share is not None]
    return 1 - prod(1 - share for share in shares) if shares else None


def energy_of(node: NodeTotals, seconds: float, share: float | None, settings: CostSettings) -> Energy:
    """Return a node's energy in ``seconds``: as measured, and estimated for the rest."""
    kwh = low = high = measured_s = 0.0
    sources: list[EnergySource] = []
    for source, power in sorted(node.power.items()):
        if not power.seconds:
            continue
        meter = source.split(":", 1)[0] in METERS
        doubt = METER_DOUBT if meter else SYSTEM_DOUBT
        part = power.joules / JOULES_PER_KWH
        kwh, low, high = kwh + part, low + part * (1 - doubt), high + part * (1 + doubt)
        measured_s += power.seconds
        sources.append("meter" if meter else "system")
    measured_s = min(measured_s, seconds)
    rest_s = seconds - measured_s
    if rest_s > 0.5:  # noqa: PLR2004 -- half a second is rounding
        watts, source_of_rest = _watts(kwh, measured_s, seconds, share, settings)
        kwh += _kwh(watts, rest_s)
        low += _kwh(min(watts, settings.idle_watts), max(0.0, min(node.covered_s, seconds) - measured_s))
        high += _kwh(max(watts, settings.nameplate_watts), rest_s)
        sources.append(source_of_rest)
    order: tuple[EnergySource, ...] = ("meter", "system", "estimate", "nameplate")
    return Energy(
        kwh=kwh,
        low_kwh=low,
        high_kwh=high,
        measured_share=measured_s / seconds if seconds else 0.0,
        sources=tuple(source for source in order if source in sources),
    )


def _watts(
    kwh: float, measured_s: float, seconds: float, share: float | None, settings: CostSettings
) -> tuple[float, EnergySource]:
    if measured_s >= OWN_MEAN_FROM * seconds:
        return kwh * JOULES_PER_KWH / measured_s, "estimate"
    if share is not None:
        return settings.idle_watts + (settings.nameplate_watts - settings.idle_watts) * share, "estimate"
    return settings.nameplate_watts, "nameplate"


def _work_kwh(kwh: float, busy_s: float, seconds: float, settings: CostSettings) -> float:
    """Return the energy that went into work: what is above idling, at most what the nameplate allows.

    At least the part by time, for a node that idles at less than ``idle_watts``.
    """
    above = kwh - _kwh(settings.idle_watts, seconds - busy_s)
    by_time = kwh * busy_s / seconds if seconds else 0.0
    return max(min(above, _kwh(settings.nameplate_watts, busy_s)), by_time)


def _kwh(watts: float, seconds: float) -> float:
    return watts * seconds / JOULES_PER_KWH


def _money(
    basis: CostBasis, row: NodeTotals, models: Sequence[ModelTotals], seconds: float, fixed: int
) -> NodeMoney:
    settings, tariff = basis.settings_of(row.node), basis.settings.usd_per_kwh
    price = basis.prices_usd.get(row.node)
    share = busy_share(row, models)
    # What no minute tells of counts as idle: no token of it is counted either.
    busy_s = None if share is None else share * min(row.covered_s, seconds)
    months = settings.life_months
    shorter = months - min(LIFE_DOUBT_MONTHS, months / 2)
    hardware, longest, shortest = (
        micros_of(
            hardware_usd(price or 0.0, seconds / 3600, life_months=life, residual_pct=settings.residual_pct)
        )
        for life in (months, months + LIFE_DOUBT_MONTHS, shorter)
    )
    energy = energy_of(row, seconds, share, settings)
    energy_micros = micros_of(energy.kwh * tariff)
    more = settings.overhead_pct / 100
    worked = busy_s / seconds if busy_s and seconds else 0.0
    work_kwh = _work_kwh(energy.kwh, worked * seconds, seconds, settings)
    workload = min(energy_micros, micros_of(work_kwh * tariff)) + round(hardware * worked)
    return NodeMoney(
        name=row.node,
        seconds=seconds,
        busy_s=busy_s,
        hardware=hardware,
        energy=energy_micros,
        overhead=fixed + round((hardware + energy_micros) * more),
        workload=workload,
        priced=price is not None,
        kwh=energy,
        hardware_doubt=(_grown(longest - hardware, more), _grown(shortest - hardware, more)),
        energy_doubt=(
            _grown(micros_of(energy.low_kwh * tariff) - energy_micros, more),
            _grown(micros_of(energy.high_kwh * tariff) - energy_micros, more),
        ),
    )


def _grown(micros: int, share: float) -> int:
    return round(micros * (1 + share))
