"""Where what lies in a store. Keys start below the store's own prefix.

::

    fleets/<fleet>/minutes/date=2026-11-21/node=mini-1/094200-0.json.gz
    fleets/<fleet>/events/date=2026-11-21/node=mini-1/<id of the first>.jsonl.gz
    fleets/<fleet>/compacted/date=2026-11-21/<table>-<digest>.parquet, manifest-000001.json
    fleets/<fleet>/weekly/2026-W47/…    fleets/<fleet>/monthly/2026-10/…
    account/cluster/<fleet>/…           the dashboard's static files
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

_MINUTE = re.compile(
    r"fleets/(?P<fleet>[^/]+)/minutes/date=(?P<date>\d{4}-\d\d-\d\d)/node=(?P<node>[^/]+)/"
    r"(?P<time>\d{6})-(?P<part>\d+)\.json\.gz"
)


@dataclass(frozen=True, slots=True)
class MinuteKey:
    """What a minute's key says."""

    fleet: str
    node: str
    minute_unix: int
    part: int


def fleet_prefix(fleet: str) -> str:
    """Return the prefix of all that a fleet ships, with its slash."""
    return f"fleets/{fleet}/"


def minutes_prefix(fleet: str, day: date | None = None, node: str | None = None) -> str:
    """Return the prefix of a fleet's minutes; of one UTC day; of one node on that day."""
    prefix = f"{fleet_prefix(fleet)}minutes/"
    if day is None:
        return prefix
    prefix += f"date={day.isoformat()}/"
    return prefix if node is None else f"{prefix}node={node}/"


def minute_key(fleet: str, node: str, minute_unix: int, part: int = 0) -> str:
    """Return the key of one minute."""
    begin = datetime.fromtimestamp(minute_unix, UTC)
    return f"{minutes_prefix(fleet, begin.date(), node)}{begin:%H%M%S}-{part}.json.gz"


def parse_minute_key(key: str) -> MinuteKey | None:
    """Read a minute's key; ``None`` if it is none."""
    found = _MINUTE.fullmatch(key)
    if found is None:
        return None
    try:
        begin = datetime.strptime(f"{found['date']} {found['time']}+0000", "%Y-%m-%d %H%M%S%z")
    except ValueError:
        return None
    return MinuteKey(found["fleet"], found["node"], int(begin.timestamp()), int(found["part"]))


def events_prefix(fleet: str, day: date | None = None) -> str:
    """Return the prefix of a fleet's events; of one UTC day."""
    prefix = f"{fleet_prefix(fleet)}events/"
    return prefix if day is None else f"{prefix}date={day.isoformat()}/"


def events_key(fleet: str, node: str, first_unix: float, first_id: str) -> str:
    """Return the key of a batch of events, named by its first one."""
    day = datetime.fromtimestamp(first_unix, UTC).date()
    return f"{events_prefix(fleet, day)}node={node}/{first_id}.jsonl.gz"


def compacted_prefix(fleet: str, day: date | None = None) -> str:
    """Return the prefix of compacted days; of one UTC day."""
    prefix = f"{fleet_prefix(fleet)}compacted/"
    return prefix if day is None else f"{prefix}date={day.isoformat()}/"


def weekly_prefix(fleet: str, week: str) -> str:
    """Return the prefix of one ISO week's artifacts, such as ``2026-W47``."""
    return f"{fleet_prefix(fleet)}weekly/{week}/"


def monthly_prefix(fleet: str, month: str) -> str:
    """Return the prefix of one month's report, such as ``2026-10``."""
    return f"{fleet_prefix(fleet)}monthly/{month}/"


def dashboard_prefix(fleet: str) -> str:
    """Return the prefix of the dashboard's static files."""
    return f"account/cluster/{fleet}/"
