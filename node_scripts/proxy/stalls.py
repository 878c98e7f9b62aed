"""Which answers of a loader are silent for longer than they may be, and whether the loader hangs.

A request that has no token yet may wait inside the loader for its turn: mlx_lm serves requests with
a seed alone, and its batch to the end before. So its silence counts from the last byte that came on
any answer of that loader. A request that has only just come says nothing of a loader that hangs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node_scripts.proxy.call import Call
from node_scripts.proxy.wire import Connection

LONGEST_SILENCE_S = 900.0
"""Of an answer without a token: an unstreamed one sends nothing before its end."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """What is to be ended."""

    overdue: dict[Call, Connection]
    hung: bool
    """Nothing came on any other either: the loader itself is to be ended."""


def find_stalls(
    calls: Mapping[Call, Connection | None],
    *,
    now: float,
    heard: float,
    first_byte_timeout_s: float,
    stall_timeout_s: float,
    exempt: bool,
) -> Stalls:
    """Judge a loader's answers at ``now``; ``heard`` is when the last byte came on any, ended ones too.

    ``exempt`` is a loader that is still starting: it never hangs.
    """
    overdue: dict[Call, Connection] = {}
    for call, connection in calls.items():
        if connection is None or not connection.awaited:
            continue
        silent = now - connection.last_byte
        too_long = silent >= LONGEST_SILENCE_S
        if not call.parsed.loader_stream:
            allowed = LONGEST_SILENCE_S
        else:
            allowed = stall_timeout_s if connection.answered else first_byte_timeout_s
            if call.note.first_token_at is None:
                silent = min(silent, now - heard)
        if silent >= allowed or too_long:
            overdue[call] = connection
    return Stalls(overdue, bool(overdue) and not exempt and now - heard >= stall_timeout_s)
