"""Histograms: merging is exact, and any window's percentile is near the exact one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node_scripts.histogram import Histogram, bucket_of, merged, middle_of

SHAPES: dict[str, Callable[[random.Random], float]] = {
    "lognormal": lambda draw: draw.lognormvariate(5, 1.2),
    "uniform": lambda draw: draw.uniform(1, 2000),
    "two kinds": lambda draw: draw.gauss(40, 4) if draw.random() < 0.8 else draw.gauss(4000, 900),
    "heavy tail": lambda draw: 5 * draw.paretovariate(1.1),
    "with zeros": lambda draw: 0.0 if draw.random() < 0.3 else draw.expovariate(1 / 300),
}


def of(values: list[float]) -> Histogram:
    """Return the histogram of values."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def exact(values: list[float], share: float) -> float:
    """Return the nearest-rank quantile."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


@pytest.mark.parametrize("shape", SHAPES)
def test_p95_of_any_window_is_within_one_and_a_half_percent(shape: str) -> None:
    """1,000 random splits over all shapes: values fall into minutes; a window merges some of them."""
    draw = random.Random(f"{shape} of 2026")
    for _ in range(1000 // len(SHAPES)):
        values = [abs(SHAPES[shape](draw)) for _ in range(draw.randint(1, 600))]
        minutes: list[list[float]] = [[] for _ in range(draw.randint(1, 40))]
        for value in values:
            draw.choice(minutes).append(value)
        begin = draw.randrange(len(minutes))
        window = minutes[begin : begin + draw.randint(1, len(minutes))]
        within = [value for minute in window for value in minute]
        if not within:
            continue
        parts = [of(minute) for minute in window]
        draw.shuffle(parts)
        whole = merged(parts)
        assert whole.count == len(within)
        for share in (0.5, 0.95, 0.99):
            expected = exact(within, share)
            found = whole.quantile(share)
            assert found is not None
            assert abs(found - expected) <= 0.015 * expected, (share, found, expected)


@given(st.lists(st.floats(min_value=0, max_value=1e12, allow_nan=False), max_size=60), st.randoms())
@settings(max_examples=200, deadline=None)
def test_merging_is_exact_in_any_grouping(values: list[float], draw: random.Random) -> None:
    """Counts, zeros, extremes and the sum do not depend on how the values were split."""
    parts: list[list[float]] = [[] for _ in range(5)]
    for value in values:
        draw.choice(parts).append(value)
    whole, sum_of_parts = of(values), merged([of(part) for part in parts])
    assert sum_of_parts.buckets == whole.buckets
    assert (sum_of_parts.zeros, sum_of_parts.minimum, sum_of_parts.maximum) == (
        whole.zeros,
        whole.minimum,
        whole.maximum,
    )
    assert sum_of_parts.total == pytest.approx(whole.total)


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_a_bucket_holds_its_values(value: float) -> None:
    """The middle of a value's bucket is within 1.1 % of it."""
    assert abs(middle_of(bucket_of(value)) - value) <= 0.011 * value


def test_bounds_belong_to_the_lower_bucket() -> None:
    """Buckets are open below and closed above, as OpenTelemetry's are."""
    assert bucket_of(1.0) == -1
    assert bucket_of(2.0) == 31
    assert bucket_of(math.nextafter(2.0, 3.0)) == 32


def test_of_nothing_all_is_unknown() -> None:
    """Never 0."""
    empty = Histogram()
    assert (empty.count, empty.mean, empty.quantile(0.95), empty.minimum) == (0, None, None, None)
    assert merged([]).count == 0


def test_zeros_count() -> None:
    """Zeros have no bucket, but a place in the order."""
    histogram = of([0.0, 0.0, 0.0, 8.0])
    assert histogram.quantile(0.5) == 0.0
    assert histogram.quantile(1.0) == pytest.approx(8.0, rel=0.011)
    assert histogram.mean == 2.0


def test_one_value_is_returned_exactly() -> None:
    """Extremes bound what a bucket's middle says."""
    assert of([137.0]).quantile(0.95) == 137.0


@pytest.mark.parametrize("value", [-1.0, -0.001, math.inf, math.nan])
def test_refuses_what_is_no_duration(value: float) -> None:
    """And stays as it was."""
    histogram = of([1.0])
    with pytest.raises(ValueError, match="finite"):
        histogram.add(value)
    assert histogram.count == 1


def test_survives_json() -> None:
    """Bucket indices are JSON's string keys on the way."""
    histogram = of([0.0, 0.3, 12.5, 99999.0])
    assert msgspec.json.decode(msgspec.json.encode(histogram), type=Histogram) == histogram
