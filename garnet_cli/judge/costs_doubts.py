"""What makes the range of a cost: a reason each, with what it may take off or add. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from garnet_cli.fleet.inventory import CostSettings
from garnet_cli.judge.costs_nodes import LIFE_DOUBT_MONTHS, METER_DOUBT, SYSTEM_DOUBT, NodeMoney
from garnet_cli.judge.costs_window import Doubt, EnergySource

ENERGY_REASONS: dict[EnergySource, str] = {
    "meter": f"is read from a meter, to {METER_DOUBT:.0%}",
    "system": f"is the machine's own figure, to {SYSTEM_DOUBT:.0%}",
    "estimate": "is in part an estimate, from idle to nameplate watts",
    "nameplate": "was not measured, at most the nameplate's",
}


def doubts_of(nodes: Sequence[NodeMoney], settings: CostSettings) -> tuple[Doubt, ...]:
    """Return the reasons, the greatest first; together they make the range of the fleet's total."""
    months = settings.life_months
    shorter = months - min(LIFE_DOUBT_MONTHS, months / 2)
    reason = f"hardware lasts {shorter:g} to {months + LIFE_DOUBT_MONTHS} months, not {months}"
    found = [_doubt(reason, [node.hardware_doubt for node in nodes])]
    for source, text in ENERGY_REASONS.items():
        of_source = [node for node in nodes if node.kwh.sources[-1:] == (source,)]
        if of_source:
            names = ", ".join(node.name for node in of_source)
            found.append(_doubt(f"energy of {names} {text}", [node.energy_doubt for node in of_source]))
    found = [doubt for doubt in found if doubt.low_micros or doubt.high_micros]
    return tuple(sorted(found, key=lambda doubt: (doubt.low_micros - doubt.high_micros, doubt.reason)))


def _doubt(reason: str, amounts: Sequence[tuple[int, int]]) -> Doubt:
    return Doubt(
        reason=reason,
        low_micros=sum(low for low, _ in amounts),
        high_micros=sum(high for _, high in amounts),
    )
