"""When a fleet is asked: by the local hour and weekday, growing, a little different each week."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tests.simulated.spec import FleetSpec

HOUR_S = 3600
WEEK_S = 7 * 86_400
NIGHT = 0.12
"""Share of the busiest hour's traffic at night."""
WEEKEND = 0.35
SATURDAY = 5


def rhythm(spec: FleetSpec, begins: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the factor on each model's busiest hour: [steps, models]."""
    hours, weekends = _local(spec, begins)
    daily = NIGHT + (1 - NIGHT) * np.exp(-(((hours - 14.0) / 4.5) ** 2))
    weekly = np.where(weekends, WEEKEND, 1.0)
    weeks = (begins - spec.begin_unix) // WEEK_S
    growth = (1 + spec.growth_per_week) ** weeks
    return (daily * weekly * growth)[:, None] * _noise(spec, weeks)


def _local(spec: FleetSpec, begins: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the local hour of each step, with its fraction, and whether it is a weekend's."""
    zone = ZoneInfo(spec.timezone)
    # No clock changes within a UTC hour's quarter, and few steps share more than one.
    quarters, places = np.unique(begins // 900, return_inverse=True)
    offsets = [datetime.fromtimestamp(int(one) * 900, UTC).astimezone(zone).utcoffset() for one in quarters]
    local = begins + np.array([one.total_seconds() if one else 0.0 for one in offsets])[places]
    # 1970-01-01 was a Thursday.
    return local / HOUR_S % 24, (local // 86_400 + 3) % 7 >= SATURDAY


def _noise(spec: FleetSpec, weeks: NDArray[np.int64]) -> NDArray[np.float64]:
    factors = {
        int(week): np.exp(
            np.random.default_rng([spec.seed, int(week) + 1000, 77]).normal(
                0.0, spec.weekly_noise, len(spec.models)
            )
        )
        for week in np.unique(weeks)
    }
    return np.array([factors[int(week)] for week in weeks])
