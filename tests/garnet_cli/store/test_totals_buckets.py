"""Buckets are a time zone's own hours and days, also where clocks change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garnet_cli.store.totals import Bucket, Span
from garnet_cli.store.totals_buckets import bucket_index, buckets_of, minutes_between

BERLIN = "Europe/Berlin"
ZONES = ("UTC", BERLIN, "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia")


def unix(text: str, zone: str = BERLIN) -> int:
    """Return a local time as Unix time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def days(begin: str, end: str) -> tuple[Bucket, ...]:
    """Return Berlin's days of a window."""
    return buckets_of(Span(begin_unix=unix(begin), end_unix=unix(end), bucket="day", timezone=BERLIN))


def test_the_days_of_a_week_with_a_clock_change_are_seven_of_which_one_is_longer() -> None:
    """October's has 25 hours, March's 23."""
    autumn = days("2026-10-19", "2026-10-26")
    assert [one.label for one in autumn] == [f"2026-10-{day}" for day in range(19, 26)]
    assert [(one.end_unix - one.begin_unix) // 3600 for one in autumn] == [24] * 6 + [25]
    spring = days("2026-03-23", "2026-03-30")
    assert [(one.end_unix - one.begin_unix) // 3600 for one in spring] == [24] * 6 + [23]


def test_hours_are_local_and_tell_their_offset() -> None:
    """The hour that comes twice is two."""
    span = Span(
        begin_unix=unix("2026-10-25T01:30"), end_unix=unix("2026-10-25T04:00"), bucket="hour", timezone=BERLIN
    )
    assert [one.label for one in buckets_of(span)] == [
        "2026-10-25T01:30+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T03:00+01:00",
    ]


@given(
    st.integers(1_500_000_000, 1_900_000_000),
    st.integers(1, 40 * 86_400),
    st.sampled_from(["hour", "day", "window"]),
    st.sampled_from(ZONES),
)
def test_buckets_follow_each_other_without_a_gap_and_fill_the_window(
    begin: int, length: int, size: str, zone: str
) -> None:
    """And each second is in the one that begins last before it."""
    found = buckets_of(Span(begin_unix=begin, end_unix=begin + length, bucket=size, timezone=zone))  # type: ignore[arg-type]
    edges = [one.begin_unix for one in found]
    assert edges[0] == begin
    assert found[-1].end_unix == begin + length
    assert [one.end_unix for one in found[:-1]] == edges[1:]
    assert all(one.begin_unix < one.end_unix for one in found)
    for number, one in enumerate(found):
        assert bucket_index(edges, one.begin_unix) == bucket_index(edges, one.end_unix - 1) == number


def test_an_empty_window_is_refused() -> None:
    """It has no bucket to put anything in."""
    with pytest.raises(ValueError, match="is empty"):
        buckets_of(Span(begin_unix=5, end_unix=5))


def test_minutes_are_counted_by_where_they_begin() -> None:
    """A window that begins within a minute lacks it."""
    assert minutes_between(0, 3600, 60) == 60
    assert minutes_between(1, 3600, 60) == 59
    assert minutes_between(0, 3601, 60) == 61
    assert minutes_between(0, 60, 2) == 30
