"""What one monitor leaves in the spool for the next."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from node_scripts.decoding import decode
from node_scripts.monitor.observation import Memory

SEEN_KEY = "seen"
"""What was told in events."""
COUNTED_KEY = "counted"
"""What was counted into sealed minutes."""
LIFE_KEY = "life"

_LOG = logging.getLogger("garnet.monitor")
_Kept = TypeVar("_Kept")


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """Kept in the spool to tell a monitor that was stopped from one that died."""

    since_unix: float
    seen_unix: float
    stopped: bool


def memory_of(state: Mapping[str, bytes]) -> Memory:
    """Put together what was told and what was counted last."""
    seen = decoded(state.get(SEEN_KEY), Memory) or Memory()
    counted = decoded(state.get(COUNTED_KEY), Memory) or Memory()
    return Memory(
        loaders=seen.loaders,
        proxy=seen.proxy,
        unrecorded=counted.unrecorded,
        unrecorded_pid=counted.unrecorded_pid,
        models=counted.models,
    )


def decoded(content: bytes | None, kind: type[_Kept]) -> _Kept | None:
    """Return what was kept; ``None`` if nothing was, or it cannot be read."""
    if content is None:
        return None
    try:
        return decode(content, kind)
    except msgspec.MsgspecError as error:
        _LOG.error("what was remembered is begun anew: %s", error)
        return None
