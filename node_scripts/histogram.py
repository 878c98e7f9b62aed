"""Mergeable histograms: OpenTelemetry's exponential histogram at scale 5.

Bucket ``i`` holds values in (2^(i/32), 2^((i+1)/32)], so that its middle is within 1.1 % of every value
in it. Counts are integers: merging adds exactly, in any order and any grouping.
Source of the format: OpenTelemetry metrics data model, "ExponentialHistogram".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

SCALE = 5
BUCKETS_PER_OCTAVE = 1 << SCALE


@dataclass(kw_only=True, slots=True)
class Histogram:
    """Counts of non-negative values in exponentially growing buckets."""

    buckets: dict[int, int] = field(default_factory=dict)
    """Bucket index to count."""
    zeros: int = 0
    total: float = 0.0
    """Sum of the values."""
    minimum: float | None = None
    maximum: float | None = None

    @property
    def count(self) -> int:
        """Return how many values were added."""
        return self.zeros + sum(self.buckets.values())

    @property
    def mean(self) -> float | None:
        """Return the exact mean; ``None`` of nothing."""
        count = self.count
        return self.total / count if count else None

    def add(self, value: float) -> None:
        """Add one value; raises ValueError for a negative one, infinity or NaN."""
        if not 0 <= value < math.inf:
            raise ValueError(f"a histogram takes finite values from 0 on, not {value!r}")
        if value == 0:
            self.zeros += 1
        else:
            index = bucket_of(value)
            self.buckets[index] = self.buckets.get(index, 0) + 1
        self.total += value
        self.minimum = value if self.minimum is None else min(self.minimum, value)
        self.maximum = value if self.maximum is None else max(self.maximum, value)

    def merge(self, other: Histogram) -> None:
        """Add another histogram's values."""
        for index, count in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + count
        self.zeros += other.zeros
        self.total += other.total
        if other.minimum is not None:
            self.minimum = other.minimum if self.minimum is None else min(self.minimum, other.minimum)
        if other.maximum is not None:
            self.maximum = other.maximum if self.maximum is None else max(self.maximum, other.maximum)

    def quantile(self, share: float) -> float | None:
        """Return the nearest-rank quantile ``share`` (0..1), within 1.1 %; ``None`` of nothing."""
        count = self.count
        if not count:
            return None
        rank = max(1, math.ceil(share * count))
        if rank <= self.zeros:
            return 0.0
        seen = self.zeros
        for index in sorted(self.buckets):
            seen += self.buckets[index]
            if seen >= rank:
                return self._within(middle_of(index))
        raise AssertionError("the counts do not add up")

    def _within(self, value: float) -> float:
        low = value if self.minimum is None else self.minimum
        high = value if self.maximum is None else self.maximum
        return min(max(value, low), high)


def bucket_of(value: float) -> int:
    """Return the index of the bucket that holds ``value`` > 0."""
    return math.ceil(math.log2(value) * BUCKETS_PER_OCTAVE) - 1


def middle_of(index: int) -> float:
    """Return the value whose greatest relative error within the bucket is least."""
    lower, upper = math.exp2(index / BUCKETS_PER_OCTAVE), math.exp2((index + 1) / BUCKETS_PER_OCTAVE)
    return 2 * lower * upper / (lower + upper)


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return the sum of histograms."""
    result = Histogram()
    for histogram in histograms:
        result.merge(histogram)
    return result
