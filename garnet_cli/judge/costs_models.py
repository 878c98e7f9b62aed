"""Who bears a node's costs: the models in its loaders, and through their tokens the keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from garnet_cli.judge.costs_kinds import COMPLETION_WORK
from garnet_cli.judge.costs_money import divide
from garnet_cli.judge.costs_nodes import NodeMoney
from garnet_cli.judge.costs_rows import NO_MODEL, CostRow
from garnet_cli.store.totals import KeyTotals, ModelTotals


@dataclass(slots=True)
class Borne:
    """What one model bears of one node, or of all, in micros."""

    workload: int = 0
    idle: int = 0
    overhead: int = 0
    low: int = 0
    """The total at its lowest and highest."""
    high: int = 0

    @property
    def total(self) -> int:
        """Return all three together."""
        return self.workload + self.idle + self.overhead

    def add(self, other: Borne) -> None:
        """Add another node's part."""
        self.workload += other.workload
        self.idle += other.idle
        self.overhead += other.overhead
        self.low += other.low
        self.high += other.high


def borne_by_models(node: NodeMoney, models: Sequence[ModelTotals]) -> dict[str, Borne]:
    """Return what each model, or NO_MODEL, bears of a node; ``models`` are that node's rows.

    The workload by the loaders' busy seconds, or, where these are unknown, by their tokens; idle and overhead
    by the workload, or, where nothing worked, evenly among the models that had a loader there.
    """
    rows = [row for row in models if row.model]
    busy = _weights({row.model: row.loader_busy_s or 0.0 for row in rows})
    work = busy or _weights({row.model: _loader_work(row) for row in rows})
    loaded = {row.model: 1.0 for row in rows if row.loader_minutes or row.loader_observed_s}
    weights = work or loaded or {NO_MODEL: 1.0}
    # A loader that served something has a place of its own, even where it bears nothing.
    names = sorted(
        {
            *weights,
            *(
                row.model
                for row in rows
                if row.loader_requests or row.loader_prompt_tokens or row.loader_completion_tokens
            ),
        }
    )
    parts = [weights.get(name, 0.0) for name in names]
    workload = divide(node.workload, parts)
    found = {name: Borne(workload=share) for name, share in zip(names, workload, strict=True)}
    for name, idle, overhead in zip(
        names, divide(node.idle, parts), divide(node.overhead, parts), strict=True
    ):
        found[name].idle, found[name].overhead = idle, overhead
    low = divide(node.total + node.hardware_doubt[0] + node.energy_doubt[0], parts)
    high = divide(node.total + node.hardware_doubt[1] + node.energy_doubt[1], parts)
    for name, least, most in zip(names, low, high, strict=True):
        found[name].low, found[name].high = least, most
    return found


def borne_by_keys(fleet: CostRow, keys: Sequence[KeyTotals], floor: int, why_not: str) -> tuple[CostRow, ...]:
    """Return what each key bears of the fleet's costs, and NO_MODEL for requests without a key.

    Minutes do not tell which models a key used: its tokens count at the fleet's prices of their kinds.
    """
    rest = KeyTotals(
        begin_unix=0,
        node="",
        key=NO_MODEL,
        requests=max(0, fleet.requests - sum(row.requests for row in keys)),
        prompt_tokens=max(0, fleet.prompt_tokens - sum(row.prompt_tokens for row in keys)),
        cached_tokens=max(0, fleet.cached_tokens - sum(row.cached_tokens for row in keys)),
        completion_tokens=max(0, fleet.completion_tokens - sum(row.completion_tokens for row in keys)),
    )
    rows = [row for row in keys if row.key]
    worth = [_worth(fleet, row) for row in (*rows, rest)]
    if not any(worth):
        worth[-1] = 1.0
    divided = {
        name: divide(getattr(fleet, name), worth)
        for name in ("workload_micros", "idle_micros", "overhead_micros", "low_micros", "high_micros")
    }
    made = []
    for index, row in enumerate((*rows, rest)):
        money = {name: parts[index] for name, parts in divided.items()}
        whole = money["workload_micros"] + money["idle_micros"] + money["overhead_micros"]
        uncached, cached, completion = kinds_of(whole, _kind_worth(fleet, row))
        tokens = row.prompt_tokens + row.completion_tokens
        if row is rest and not (any(money.values()) or tokens or row.requests):
            continue
        made.append(
            CostRow(
                name=row.key,
                requests=row.requests,
                prompt_tokens=row.prompt_tokens,
                cached_tokens=min(row.cached_tokens, row.prompt_tokens),
                completion_tokens=row.completion_tokens,
                why_not=why_not or idle_below(tokens, floor),
                uncached_micros=uncached,
                cached_micros=cached,
                completion_micros=completion,
                workload_micros=money["workload_micros"],
                idle_micros=money["idle_micros"],
                overhead_micros=money["overhead_micros"],
                low_micros=money["low_micros"],
                high_micros=money["high_micros"],
            )
        )
    return tuple(made)


def kinds_of(total_micros: int, weights: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return what uncached, cached and completion tokens cost; 0 without weights."""
    if not any(weights):
        return 0, 0, 0
    uncached, cached, completion = divide(total_micros, weights)
    return uncached, cached, completion


def idle_below(tokens: int, floor: int) -> str:
    """Return why there is no price per million, or nothing."""
    return f"idle: fewer than {floor:,} tokens" if tokens < floor else ""


def _weights(found: Mapping[str, float]) -> dict[str, float]:
    return {name: weight for name, weight in found.items() if weight > 0}


def _loader_work(row: ModelTotals) -> float:
    uncached = max(0, row.loader_prompt_tokens - row.loader_cached_tokens)
    return uncached + COMPLETION_WORK * row.loader_completion_tokens


def _kind_worth(fleet: CostRow, row: KeyTotals) -> tuple[float, float, float]:
    cached = min(row.cached_tokens, row.prompt_tokens)
    return (
        (row.prompt_tokens - cached) * _each(fleet.uncached_micros, fleet.uncached_tokens),
        cached * _each(fleet.cached_micros, fleet.cached_tokens),
        row.completion_tokens * _each(fleet.completion_micros, fleet.completion_tokens),
    )


def _worth(fleet: CostRow, row: KeyTotals) -> float:
    return sum(_kind_worth(fleet, row))


def _each(micros: int, tokens: int) -> float:
    return micros / tokens if tokens else 0.0
