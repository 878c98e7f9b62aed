"""Cut a window into hours or days of a time zone. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from garnet_cli.store.totals import Bucket, BucketSize, Span

HOUR_S = 3600


def buckets_of(span: Span) -> tuple[Bucket, ...]:
    """Return the buckets of a window: local hours, days from local midnight to the next, or the whole.

    The first and the last are cut at the window's ends; a day of 23 or 25 hours is one. Fractions of a
    second are rounded up. Raises ValueError for an empty window, zoneinfo.ZoneInfoNotFoundError.
    """
    begin, end, size = math.ceil(span.begin_unix), math.ceil(span.end_unix), span.bucket
    if end <= begin:
        raise ValueError(f"the window from {begin} until {end} is empty")
    zone = ZoneInfo(span.timezone)
    found = []
    while begin < end:
        after = end if size == "window" else min(end, _next(begin, size, zone))
        found.append(Bucket(begin_unix=begin, end_unix=after, label=_label(begin, size, zone)))
        begin = after
    return tuple(found)


def bucket_index(begins: Sequence[int], minute_unix: int) -> int:
    """Return which of the buckets that begin at ``begins`` holds a minute inside of the window."""
    return bisect_right(begins, minute_unix) - 1


def minutes_between(begin_unix: int, end_unix: int, minute_s: int) -> int:
    """Return how many minutes of ``minute_s`` seconds begin in [begin, end)."""
    return math.ceil(end_unix / minute_s) - math.ceil(begin_unix / minute_s)


def _next(unix: int, size: BucketSize, zone: tzinfo) -> int:
    local = datetime.fromtimestamp(unix, zone)
    if size == "hour":
        return unix + HOUR_S - local.minute * 60 - local.second
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone)
    return int(midnight.timestamp())


def _label(unix: int, size: BucketSize, zone: tzinfo) -> str:
    local = datetime.fromtimestamp(unix, zone)
    return local.date().isoformat() if size == "day" else local.isoformat(timespec="minutes")
