"""The cells of `garnet top` as text, for any width and for pipes. Unknown is a dash, never 0."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from garnet_cli.dashboard.top_data import AlertRow, ModelRow, NodeRow

DASH = "\u2013"
GIB = 1024**3
NODE_COLUMNS = ("node", "state", "temp", "throttle", "power", "memory", "flight", "seen")
NODE_COLUMNS_WIDE = (
    *("node", "state", "temperature", "throttle 5 min", "pressure", "fan", "power", "memory", "cpu"),
    *("in flight", "seen"),
)
MODEL_COLUMNS = ("model", "req/s", "tok/s", "p50", "p95", "queue", "hits", "loaders")
MODEL_COLUMNS_WIDE = (
    *("model", "requests/s", "errors 5 min", "tokens/s", "p50", "p95", "first token p95", "in flight"),
    *("queue", "cache hits", "loaders"),
)
LEVELS = ("nominal", "moderate", "heavy", "trapping", "sleeping")
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def node_cells(row: NodeRow, *, wide: bool) -> Sequence[str]:
    """Return one node's cells, in the order of NODE_COLUMNS or NODE_COLUMNS_WIDE."""
    throttle = DASH if row.throttle_pct is None else f"{row.throttle_pct:.1f} %"
    in_flight, seen = whole(row.in_flight), age(row.seen_s)
    celsius = sourced(row.celsius, "°C", row.celsius_source, wide=wide)
    watts = sourced(row.watts, "W", row.watts_source, wide=wide)
    memory = of_memory(row.memory_used_bytes, row.memory_total_bytes)
    if not wide:
        return (row.node, row.state, celsius, throttle, watts, memory, in_flight, seen)
    known = row.level is not None and 0 <= row.level < len(LEVELS)
    pressure = LEVELS[row.level] if known and row.level is not None else DASH
    fan = DASH if row.fan_rpm is None else f"{row.fan_rpm:.0f} rpm"
    cpu = DASH if row.cpu_share is None else f"{100 * row.cpu_share:.0f} %"
    return (row.node, row.state, celsius, throttle, pressure, fan, watts, memory, cpu, in_flight, seen)


def model_cells(row: ModelRow, *, wide: bool) -> Sequence[str]:
    """Return one model's cells, in the order of MODEL_COLUMNS or MODEL_COLUMNS_WIDE."""
    rate, tokens = tenths(row.requests_per_s), tenths(row.tokens_per_s)
    p50, p95 = milliseconds(row.p50_ms), milliseconds(row.p95_ms)
    queued, states = whole(row.queued), loaders(row.loaders)
    hits = DASH if row.hit_rate is None else f"{100 * row.hit_rate:.0f} %"
    if not wide:
        return (row.model, rate, tokens, p50, p95, queued, hits, states)
    first, errors = milliseconds(row.first_token_p95_ms), whole(row.errors_5m)
    in_flight = whole(row.in_flight)
    return (row.model, rate, errors, tokens, p50, p95, first, in_flight, queued, hits, states)


def alert_line(row: AlertRow, zone: tzinfo | None) -> str:
    """Return one alert: where, what, the figure, since when; ``zone`` ``None`` is this machine's."""
    about = f" {row.subject}" if row.subject and row.subject != row.node else ""
    figure = "" if row.value is None else f": {row.value:.4g} {row.unit}".rstrip()
    since = "" if row.since_unix is None else f", since {clock(row.since_unix, zone)}"
    untold = f" ({row.untold})" if row.untold else ""
    return f"{row.node}{about} {row.says or row.rule}{figure}{since}{untold}"


def clock(time_unix: float, zone: tzinfo | None) -> str:
    """Return a time of day."""
    return datetime.fromtimestamp(time_unix, zone).strftime("%H:%M") if zone else _local(time_unix)


def _local(time_unix: float) -> str:
    return datetime.fromtimestamp(time_unix).astimezone().strftime("%H:%M")


def whole(value: float | None) -> str:
    """Return a count."""
    return DASH if value is None else f"{value:.0f}"


def tenths(value: float | None) -> str:
    """Return a rate: a tenth matters below 100."""
    if value is None:
        return DASH
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004 -- see above


def milliseconds(value: float | None) -> str:
    """Return a duration given in milliseconds."""
    if value is None:
        return DASH
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.2f} s"  # noqa: PLR2004 -- a second


def age(seconds: float | None) -> str:
    """Return how long ago a node was seen."""
    if seconds is None:
        return "never"
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:.0f} h" if seconds < 2 * DAY_S else f"{seconds / DAY_S:.0f} d"


def of_memory(used: int | None, total: int | None) -> str:
    """Return ``41/64 GB``."""
    if total is None:
        return DASH
    return f"{DASH if used is None else f'{used / GIB:.0f}'}/{total / GIB:.0f} GB"


def sourced(value: float | None, unit: str, source: str, *, wide: bool) -> str:
    """Return a figure with where it was read; where there is little room, with the reader's name alone."""
    if value is None:
        return DASH
    shown = source if wide else source.partition(":")[0]
    return f"{value:.0f} {unit} {shown}".rstrip()


def loaders(states: dict[str, int]) -> str:
    """Return ``2 ready, 1 down``."""
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or DASH
