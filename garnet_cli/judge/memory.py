"""Whether a loader fits on a node beside those that are there.

A loader's need is its weights, the KV cache of as many sequences at full context as it works on at
once, what its prompt cache may keep (see ``node_scripts/loader_cache.py``), and the process itself.

A Mac lends at most about 75 % of its memory to the GPU (``recommendedMaxWorkingSetSize``, when
``iogpu.wired_limit_mb`` is 0); other hosts may use 90 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from node_scripts.loader_cache import prompt_cache_bytes, sequence_bytes

GIB = 1024**3
PROCESS_BYTES = 256 * 1024**2
SHARE_OF_MEMORY = {"Darwin": 0.75}
SHARE_OF_MEMORY_ELSEWHERE = 0.90


@dataclass(frozen=True, slots=True)
class ArtifactSize:
    """What the memory estimate needs to know of an artifact."""

    weight_bytes: int
    config: Mapping[str, Any]
    """Its ``config.json``, or the part of it with the shape of the attention."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The verdict and the figures that it rests on, in bytes."""

    fits: bool
    need: int
    resident: int
    limit: int
    available: int

    def __str__(self) -> str:
        """Return the sentence shown to the operator."""
        return (
            f"needs {self.need / GIB:.2f} GiB beside {self.resident / GIB:.2f} GiB of loaders already there; "
            f"loaders may use {self.limit / GIB:.2f} GiB of this node, "
            f"and {self.available / GIB:.2f} GiB of its memory are free now"
        )


def need_bytes(artifact: ArtifactSize, context: int, concurrency: int, cache_bytes: int | None = None) -> int:
    """Return the most memory that a loader of ``artifact`` comes to need.

    ``concurrency`` sequences of ``context`` tokens are in flight at once, beside a full prompt cache of
    ``cache_bytes``, or of two full contexts.
    """
    config, weights = artifact.config, artifact.weight_bytes
    in_flight = concurrency * sequence_bytes(config, weights, context)
    kept = prompt_cache_bytes(config, weights, context) if cache_bytes is None else cache_bytes
    return weights + in_flight + kept + PROCESS_BYTES


def fit(need: int, resident: int, *, system: str, memory_bytes: int, available_bytes: int | None) -> Fit:
    """Judge whether a loader that needs ``need`` bytes fits beside ``resident`` bytes of others.

    ``memory_bytes`` is what the inventory declares, else what the node reports;
    ``available_bytes`` is what the node could hand out now, ``None`` if unknown.
    """
    limit = int(memory_bytes * SHARE_OF_MEMORY.get(system, SHARE_OF_MEMORY_ELSEWHERE))
    available = limit if available_bytes is None else available_bytes
    fits = resident + need <= limit and need <= available
    return Fit(fits=fits, need=need, resident=resident, limit=limit, available=available)
