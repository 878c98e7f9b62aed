"""Adds minutes up to one. Pure."""

from __future__ import annotations

from dataclasses import fields

from node_scripts.histogram import Histogram
from node_scripts.monitor.minute_builder import GAUGES, PRESSURES, merged_reading, weighted
from node_scripts.records import KeyMinute, Minute, ModelMinute, PeerMinute, Reading


def merge_minutes(into: Minute, later: Minute) -> None:
    """Add ``later`` to ``into``: counts add up, states are the later one's."""
    into.covered_s += later.covered_s
    into.sealed_unix = later.sealed_unix
    into.release = later.release or into.release
    for name, model in later.models.items():
        target = into.models.setdefault(name, ModelMinute())
        _merge_fields(target.client, model.client)
        _merge_fields(target.loader, model.loader)
    for name, key in later.keys.items():
        _merge_fields(into.keys.setdefault(name, KeyMinute()), key)
    for name, peer in later.peers.items():
        _merge_fields(into.peers.setdefault(name, PeerMinute()), peer)
    thermal = into.thermal
    thermal.level_s = [a + b for a, b in zip(thermal.level_s, later.thermal.level_s, strict=True)]
    _merge_fields(thermal, later.thermal, skip=("level_s",))
    share = weighted(
        into.host.cpu_share, into.covered_s - later.covered_s, later.host.cpu_share, later.covered_s
    )
    pressures = [one.memory.pressure for one in (into, later) if one.memory.pressure is not None]
    offset = later.host.clock_offset_s
    before = into.host.clock_offset_s
    waiting = later.monitor.spool_minutes
    _merge_fields(into.memory, later.memory, latest=True, summed=("swap_in_bytes",))
    _merge_fields(into.host, later.host, latest=True)
    _merge_fields(into.monitor, later.monitor)
    into.host.cpu_share = share
    into.host.clock_offset_s = before if offset is None else offset
    into.memory.pressure = max(pressures, key=PRESSURES.index, default=None)
    into.monitor.spool_minutes = waiting
    if into.power is None or later.power is None:
        into.power = into.power or later.power
    else:
        into.power.joules += later.power.joules
        into.power.seconds += later.power.seconds
        into.power.watts_max = max(into.power.watts_max, later.power.watts_max)
        into.power.source = later.power.source


_MAXIMA = {"in_flight_max", "queued_max"}
_LATEST = set(GAUGES)


def _merge_fields(
    into: object,
    later: object,
    *,
    skip: tuple[str, ...] = (),
    latest: bool = False,
    summed: tuple[str, ...] = (),
) -> None:
    """Merge one record field by field, by what its values are."""
    for one in fields(into):  # type: ignore[arg-type]
        mine, theirs = getattr(into, one.name), getattr(later, one.name)
        if one.name in skip or theirs is None or theirs == "":
            continue
        if isinstance(mine, Histogram):
            mine.merge(theirs)
        elif isinstance(mine, dict):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        elif isinstance(theirs, Reading):
            setattr(into, one.name, merged_reading(mine, theirs))
        elif one.name in _MAXIMA:
            setattr(into, one.name, max(mine or 0, theirs))
        elif isinstance(theirs, str) or one.name in _LATEST or (latest and one.name not in summed):
            setattr(into, one.name, theirs)
        else:
            setattr(into, one.name, (mine or 0) + theirs)
