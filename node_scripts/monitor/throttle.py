"""How much of the time with work to do the chip was throttled.

``100 · Σdt(valid ∧ packed ∧ throttled) / Σdt(valid ∧ packed)`` over a window, where each sample stands
for ``dt = min(gap to the one before, twice the interval)``; valid: a level 0-4 was read; packed: at least
one request in prefill or decode; throttled: level 1 or above. Unknown, never 0, when valid samples
cover less than 80 % of the window or less than 60 s of it were packed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from node_scripts.records import PRESSURE_LEVELS, ThermalMinute

WINDOW_S = 300.0
LONGEST_STEP = 2.0
"""A sample stands for at most this many intervals: what lies further back was not seen."""
LEAST_COVER = 0.8
LEAST_PACKED_S = 60.0
THROTTLED_LEVEL = 1
HEAVY_LEVEL = 2


@dataclass(frozen=True, slots=True)
class ThermalStep:
    """One thermal sample and the time it stands for, which ends at ``end_s``."""

    end_s: float
    """By the monotonic clock."""
    dt_s: float
    level: int | None
    """0..4; ``None`` and anything else is unknown."""
    packed: bool | None
    """``None`` is unknown and counts as not packed."""


@dataclass(frozen=True, slots=True)
class ThrottleSums:
    """Seconds of a window, as they add up over steps, minutes and nodes."""

    observed_s: float = 0.0
    packed_s: float = 0.0
    packed_throttled_s: float = 0.0
    packed_heavy_s: float = 0.0

    def __add__(self, other: ThrottleSums) -> ThrottleSums:
        """Add up two windows."""
        return ThrottleSums(
            self.observed_s + other.observed_s,
            self.packed_s + other.packed_s,
            self.packed_throttled_s + other.packed_throttled_s,
            self.packed_heavy_s + other.packed_heavy_s,
        )

    def packed_throttle_pct(self, window_s: float) -> float | None:
        """Return the percentage over a window of ``window_s`` seconds; ``None`` is unknown."""
        return self._share(self.packed_throttled_s, window_s)

    def packed_heavy_pct(self, window_s: float) -> float | None:
        """Return the same of level 2 and above."""
        return self._share(self.packed_heavy_s, window_s)

    def _share(self, part_s: float, window_s: float) -> float | None:
        # Sums of many steps miss a bound by a few billionths of a second.
        slack_s = 1e-6
        if self.observed_s + slack_s < LEAST_COVER * window_s or self.packed_s + slack_s < LEAST_PACKED_S:
            return None
        return 100.0 * part_s / self.packed_s


def step_s(gap_s: float, interval_s: float) -> float:
    """Return the seconds that a sample stands for, ``gap_s`` after the one before."""
    return max(0.0, min(gap_s, LONGEST_STEP * interval_s))


def steps_of(
    samples: Iterable[tuple[float, int | None, bool | None]], interval_s: float = 5.0
) -> list[ThermalStep]:
    """Return the steps of ``(monotonic seconds, level, packed)`` samples in the order of their time.

    The first sample stands for one interval.
    """
    steps: list[ThermalStep] = []
    for time_s, level, packed in samples:
        gap_s = time_s - steps[-1].end_s if steps else interval_s
        steps.append(ThermalStep(time_s, step_s(gap_s, interval_s), level, packed))
    return steps


def sums_of_steps(steps: Iterable[ThermalStep]) -> ThrottleSums:
    """Return the seconds of all of ``steps``."""
    minute = ThermalMinute()
    for step in steps:
        add_step(minute, step)
    return sums_of_minutes([minute])


def sums_of_minutes(minutes: Iterable[ThermalMinute]) -> ThrottleSums:
    """Return the seconds of telemetry minutes, of any window and any number of nodes."""
    total = ThrottleSums()
    for minute in minutes:
        total += ThrottleSums(
            minute.observed_s, minute.packed_s, minute.packed_throttled_s, minute.packed_heavy_s
        )
    return total


def add_step(minute: ThermalMinute, step: ThermalStep) -> None:
    """Count a step into a telemetry minute; one of unknown level leaves it as it is."""
    if step.level is None or not 0 <= step.level < len(PRESSURE_LEVELS):
        return
    minute.level_s[step.level] += step.dt_s
    minute.observed_s += step.dt_s
    if not step.packed:
        return
    minute.packed_s += step.dt_s
    if step.level >= THROTTLED_LEVEL:
        minute.packed_throttled_s += step.dt_s
    if step.level >= HEAVY_LEVEL:
        minute.packed_heavy_s += step.dt_s


def last_steps(steps: Iterable[ThermalStep], end_s: float, window_s: float = WINDOW_S) -> list[ThermalStep]:
    """Return the steps within the ``window_s`` before ``end_s``; one across its begin is cut there."""
    begin_s = end_s - window_s
    return [
        ThermalStep(step.end_s, min(step.dt_s, step.end_s - begin_s), step.level, step.packed)
        for step in steps
        if begin_s < step.end_s <= end_s
    ]


def packed_throttle_pct(
    steps: Iterable[ThermalStep], end_s: float | None = None, window_s: float = WINDOW_S
) -> float | None:
    """Return the percentage over the window that ends at ``end_s``, or else at the last step.

    ``None``: unknown.
    """
    known = list(steps)
    if not known:
        return None
    last_s = known[-1].end_s if end_s is None else end_s
    return sums_of_steps(last_steps(known, last_s, window_s)).packed_throttle_pct(window_s)
