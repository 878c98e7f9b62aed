"""Minutes with every field set at random, as its type says, so that no field can be forgotten."""

from __future__ import annotations

import dataclasses
import random
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from node_scripts.histogram import Histogram
from node_scripts.records import PRESSURE_LEVELS, RECORD_SCHEMA, Event, Minute
from tests.garnet_cli.store.shipped import FLEET

NAMES = ("llama", "qwen", "")
KNOWN = 0.6
"""Share of the optional fields that are known."""


def any_minute(dice: random.Random, node: str, begin: int, part: int = 0) -> Minute:
    """Return a minute of ``node``."""
    made: Minute = _any(Minute, dice)
    made.schema, made.fleet, made.node, made.minute_unix, made.part = RECORD_SCHEMA, FLEET, node, begin, part
    return made


def any_eviction(dice: random.Random, node: str, time_unix: float) -> Event:
    """Return an event of one eviction, or of many at once."""
    figures: dict[str, Any] = {"tokens": dice.choice([None, 900]), "size_bytes": dice.choice([None, 2**30])}
    alone = {"kind": dice.choice(["user", "system"]), "loader": "loader-3", "serial": 4, **figures}
    many = {"evictions": dice.randint(1, 9), "tokens": 5000, "size_bytes": 0}
    return Event(
        id=f"{int(time_unix * 1e6):016x}-{dice.getrandbits(32):08x}",
        time_unix=time_unix,
        fleet=FLEET,
        node=node,
        kind=dice.choice(["eviction", "eviction", "alert"]),
        subject=dice.choice(NAMES[:2]),
        action="evicted",
        detail=dice.choice([alone, many]),
    )


def _any(hint: Any, dice: random.Random) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if isinstance(hint, types.UnionType) or origin is Union:
        return _any(inner[0], dice) if dice.random() < KNOWN else None
    if origin in (Literal, list, dict):
        return _held(origin, inner, dice)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        if hint is not Histogram:
            return hint(**{one.name: _any(hints[one.name], dice) for one in dataclasses.fields(hint)})
        return _histogram(dice)
    return {int: dice.randint(0, 50), float: dice.uniform(0, 60), str: dice.choice(["", "one", "two"])}[hint]


def _held(origin: Any, inner: tuple[Any, ...], dice: random.Random) -> Any:
    if origin is Literal:
        return dice.choice(inner)
    if origin is list:
        return [dice.uniform(0, 60) for _ in PRESSURE_LEVELS]
    return {name: _any(inner[1], dice) for name in dice.sample(NAMES, dice.randint(0, len(NAMES)))}


def _histogram(dice: random.Random) -> Histogram:
    made = Histogram()
    for _ in range(dice.randint(0, 6)):
        made.add(dice.choice([0.0, dice.lognormvariate(5, 2)]))
    return made
