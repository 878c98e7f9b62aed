"""How much memory a loader's KV cache takes: what one token costs, and what its prompt cache may keep.

KV bytes a token are ``2 · layers · kv_heads · head_dim · 2`` (keys and values, 16 bit), from the
model's ``config.json``; where that does not say, a tenth of the weights stands in for one sequence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEPT_CONTEXTS = 2
"""The prompt cache may keep as much as this many sequences at full context."""


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


def sequence_bytes(config: Mapping[str, Any], weight_bytes: int, context: int) -> int:
    """Return the KV bytes of one sequence of ``context`` tokens."""
    per_token = key_value_bytes_per_token(config)
    return weight_bytes // 10 if per_token is None else per_token * context


def prompt_cache_bytes(config: Mapping[str, Any], weight_bytes: int, context: int) -> int:
    """Return the most bytes that the prompt cache of a loader may keep."""
    return KEPT_CONTEXTS * sequence_bytes(config, weight_bytes, context)


def prompt_cache_bytes_of(model: Path, context: int) -> int:
    """Return ``prompt_cache_bytes`` of the model in a folder; an unreadable config counts as silent."""
    weights = sum(path.stat().st_size for path in model.glob("*.safetensors"))
    try:
        config = json.loads((model / "config.json").read_text())
    except (OSError, ValueError):
        config = {}
    return prompt_cache_bytes(config if isinstance(config, dict) else {}, weights, context)
