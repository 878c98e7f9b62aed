"""The cost diff as rows of a CSV file. Pure."""

from __future__ import annotations

from garnet_cli.judge.costs_change import CostChange, CostDiff

CSV_FIGURES = (
    "total_usd",
    "workload_usd",
    "idle_usd",
    "overhead_usd",
    "low_usd",
    "high_usd",
    "uncached_usd",
    "cached_usd",
    "completion_usd",
    "requests",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "usd_per_million",
    "busy_usd_per_million",
)
CSV_COLUMNS = (
    "scope",
    "name",
    *(f"{name}_{when}" for when in ("this", "last") for name in CSV_FIGURES),
    "change_usd",
    "ratio",
    "api_usd",
    "savings_usd",
)


def cost_rows(diff: CostDiff) -> list[tuple[object, ...]]:
    """Return fleet, models, nodes and keys as rows under CSV_COLUMNS."""
    scopes = (("fleet", (diff.fleet,)), ("model", diff.models), ("node", diff.nodes), ("key", diff.keys))
    return [(scope, one.name, *_csv_figures(one)) for scope, changes in scopes for one in changes]


def _csv_figures(one: CostChange) -> list[object]:
    shown: list[object] = []
    for row in (one.this, one.last):
        known = row.as_json() if row else {}
        shown += [_blank(known.get(name)) for name in CSV_FIGURES]
    found = one.this.comparison if one.this else None
    api = found.as_json() if found else {}
    both = one.as_json()
    shown += [_blank(both["change_usd"]), _blank(both["ratio"])]
    return [*shown, _blank(api.get("api_usd")), _blank(api.get("savings_usd"))]


def _blank(value: object) -> object:
    return "" if value is None else value
