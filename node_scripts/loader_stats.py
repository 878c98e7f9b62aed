"""What a loader says of itself on its stats socket.

Apart from all other records: a loader runs on this file, and what it runs on decides whether `up`
swaps it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PURGE_PATH = "/garnet/purge"
"""Path on a loader's HTTP socket that empties its prompt cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Eviction:
    """One sequence pushed out of a loader's prompt cache: its size, never its content."""

    serial: int
    """Counts up from 1 for the life of one loader process."""
    time_unix: float
    kind: str
    """mlx_lm's own class of the sequence, such as ``user`` or ``assistant``; ``unknown`` elsewhere."""
    tokens: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoaderStats:
    """What a loader says of itself. ``None`` is unknown (never 0 for unknown)."""

    pid: int
    started_unix: float
    mlx_lm_version: str | None = None
    load_calls: int | None = None
    load_misses: int | None = None
    load_ms: float | None = None
    lookups: int | None = None
    hits: int | None = None
    hit_tokens: int | None = None
    lookup_tokens: int | None = None
    requests: int | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    generated_tokens: int | None = None
    evictions: int | None = None
    queue_depth: int | None = None
    prefill: int | None = None
    decode: int | None = None
    cache_sequences: int | None = None
    cache_bytes: int | None = None
    memory_bytes: int | None = None
    """MLX's active memory where it can be read."""
    generation_alive: bool | None = None
    unknown: list[str] = field(default_factory=list)
    """Names of the observers that this mlx-lm does not support."""
    recent_evictions: list[Eviction] = field(default_factory=list)
    """The last 256 of ``evictions``, oldest first."""
