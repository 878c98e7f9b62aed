"""Whether a loader fits on a node beside those that are there.

A loader's need is its weights, one sequence of KV cache at full context, and the process itself.
KV bytes a token are ``2 · layers · kv_heads · head_dim · 2`` (keys and values, 16 bit), from the
artifact's ``config.json``; where that does not say, a tenth of the weights stands in.

A Mac lends at most about 75 % of its memory to the GPU (``recommendedMaxWorkingSetSize``, when
``iogpu.wired_limit_mb`` is 0); other hosts may use 90 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


def key_value_bytes_per_token(config: Mapping[str, Any]) -> int | None:
    """Return the KV cache's bytes a token at 16 bit, or ``None`` where the config does not say."""
    config = config.get("text_config") or config
    layers, heads = config.get("num_hidden_layers"), config.get("num_attention_heads")
    key_value_heads = config.get("num_key_value_heads") or heads
    head_size = config.get("head_dim")
    if head_size is None and isinstance(heads, int) and heads and isinstance(config.get("hidden_size"), int):
        head_size = config["hidden_size"] // heads
    parts = (layers, key_value_heads, head_size)
    if not all(isinstance(part, int) and part > 0 for part in parts):
        return None
    return int(2 * layers * key_value_heads * head_size * 2)  # type: ignore[operator]


def need_bytes(artifact: ArtifactSize, context: int) -> int:
    """Return the memory that a loader of ``artifact`` needs at ``context`` tokens."""
    per_token = key_value_bytes_per_token(artifact.config)
    cache = artifact.weight_bytes // 10 if per_token is None else per_token * context
    return artifact.weight_bytes + cache + PROCESS_BYTES


def fit(need: int, resident: int, *, system: str, memory_bytes: int, available_bytes: int | None) -> Fit:
    """Judge whether a loader that needs ``need`` bytes fits beside ``resident`` bytes of others.

    ``memory_bytes`` is what the inventory declares, else what the node reports;
    ``available_bytes`` is what the node could hand out now, ``None`` if unknown.
    """
    limit = int(memory_bytes * SHARE_OF_MEMORY.get(system, SHARE_OF_MEMORY_ELSEWHERE))
    available = limit if available_bytes is None else available_bytes
    fits = resident + need <= limit and need <= available
    return Fit(fits=fits, need=need, resident=resident, limit=limit, available=available)
