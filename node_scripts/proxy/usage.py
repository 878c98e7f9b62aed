"""Token counts, exactly as the client is told them or would have been, had it asked."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec


class Usage(NamedTuple):
    """The counts of one answer; ``cached`` is a part of ``prompt``."""

    prompt: int
    cached: int
    completion: int


NO_USAGE = Usage(0, 0, 0)


class _Whole(msgspec.Struct, gc=False):
    usage: Any = None


_decoder = msgspec.json.Decoder(_Whole)


def usage_of(counts: Any) -> Usage:
    """Read the ``usage`` object of an answer; a count that is missing or none is 0."""
    if not isinstance(counts, dict):
        return NO_USAGE
    details = counts.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Usage(_count(counts.get("prompt_tokens")), cached, _count(counts.get("completion_tokens")))


def usage_of_answer(body: bytes) -> Usage:
    """Read the usage of a whole unstreamed answer; what is no answer has none."""
    try:
        return usage_of(_decoder.decode(body).usage)
    except (ValueError, RecursionError):
        return NO_USAGE


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
