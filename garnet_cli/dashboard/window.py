"""The span that a dashboard shows, cut into steps of equal length."""

from __future__ import annotations

import math
from dataclasses import dataclass

POINTS = 300
"""Most steps in one window: about as many as a chart has pixels to tell apart."""

STEPS_S = (60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Window:
    """``[begin_unix, end_unix)``; both are multiples of ``step_s``."""

    begin_unix: int
    end_unix: int
    step_s: int

    @property
    def steps(self) -> int:
        """Return how many steps there are."""
        return (self.end_unix - self.begin_unix) // self.step_s

    @property
    def times(self) -> list[int]:
        """Return each step's begin."""
        return list(range(self.begin_unix, self.end_unix, self.step_s))

    def index(self, time_unix: float) -> int | None:
        """Return the step that holds ``time_unix``; ``None`` outside of the window."""
        if not self.begin_unix <= time_unix < self.end_unix:
            return None
        return int(time_unix - self.begin_unix) // self.step_s


def window_until(now_unix: float, hours: float) -> Window:
    """Return the window of about ``hours`` that ends with the step in which ``now_unix`` lies.

    It is widened to whole steps. Raises ValueError for a length that is not positive.
    """
    if not 0 < hours < math.inf:
        raise ValueError(f"a window is longer than 0 hours, not {hours}")
    length_s = hours * 3600
    step = next((step for step in STEPS_S if length_s / step <= POINTS), STEPS_S[-1])
    end = math.floor(now_unix / step + 1) * step
    return Window(end - math.ceil(length_s / step) * step, end, step)
