"""The eviction log: what left a node or a prompt cache, and whether traffic justifies it. Pure.

Models leave nodes because somebody placed them elsewhere (evictions_models.py has the rules); sequences leave
a loader's prompt cache because others came (evictions_caches.py). Every entry has the one rule that decided,
in a sentence with its figures. Where the data are too few for any rule, it is unclear and says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from garnet_cli.judge.evictions_caches import CacheNeed as CacheNeed  # noqa: PLC0414 -- known from here
from garnet_cli.judge.evictions_caches import cache_entries
from garnet_cli.judge.evictions_entry import EvictionEntry as EvictionEntry  # noqa: PLC0414 -- likewise
from garnet_cli.judge.evictions_models import model_entries
from garnet_cli.store.totals import Totals
from node_scripts.records import Event

TOP = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class EvictionLog:
    """The evictions of a window."""

    begin_unix: int
    end_unix: int
    entries: tuple[EvictionEntry, ...]
    """The top ones: models, the largest first; then prompt caches, the most evictions first."""
    left_out: int
    """Entries beyond the top ones of each."""
    model_evictions: int
    """Of all entries, as the counts below."""
    cache_evictions: int | None
    """Sequences; ``None``: no loader told."""
    cache_evicted_bytes: int | None
    """Of those whose size is known; ``None``: of none."""
    cache_evictions_before: int | None
    """In the window before; ``None``: unknown."""

    @property
    def bugs(self) -> tuple[EvictionEntry, ...]:
        """Return the entries that traffic does not justify."""
        return tuple(one for one in self.entries if one.justified is False)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "begin_unix": self.begin_unix,
            "end_unix": self.end_unix,
            "model_evictions": self.model_evictions,
            "cache_evictions": self.cache_evictions,
            "cache_evicted_bytes": self.cache_evicted_bytes,
            "cache_evictions_before": self.cache_evictions_before,
            "left_out": self.left_out,
            "entries": [entry.as_json() for entry in self.entries],
        }


def eviction_log(
    this: Totals,
    events: Iterable[Event],
    *,
    last: Totals | None = None,
    caches: Mapping[str, CacheNeed] | None = None,
    top: int = TOP,
) -> EvictionLog:
    """Return the evictions of the window of ``this``, by hours or days; ``last`` is the window before it.

    ``events`` may be of any time; ``caches`` tells by model what its prompt cache may keep and what its
    traffic may need. At most ``top`` models and as many prompt caches are listed.
    """
    told = list(events)
    models = model_entries(this, last, told)
    found = cache_entries(this, last, caches or {})
    listed = (*models[:top], *found[:top])
    return EvictionLog(
        begin_unix=this.begin_unix,
        end_unix=this.end_unix,
        entries=listed,
        left_out=len(models) + len(found) - len(listed),
        model_evictions=sum(entry.count for entry in models),
        cache_evictions=_evicted(this),
        cache_evicted_bytes=sum(row.size_bytes for row in this.evictions) if this.evictions else None,
        cache_evictions_before=_evicted(last) if last else None,
    )


def _evicted(totals: Totals) -> int | None:
    known = [row.loader_evictions for row in totals.models if row.loader_evictions is not None]
    return sum(known) if known else None
