"""Calendar months and quarters on the fleet's clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garnet_cli.errors import UsageError
from garnet_cli.report.month import Span, midnight, month, months_after, quarter

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 11, 21, 9, 30, 20, tzinfo=UTC).timestamp()


def test_last_whole_month_by_default() -> None:
    """On the 21st of November that is October; on its first minute, too."""
    assert month(None, "UTC", NOW).name == "2026-10"
    assert month(None, BERLIN, midnight(date(2026, 11, 1), BERLIN)).name == "2026-10"
    assert month(None, BERLIN, midnight(date(2026, 11, 1), BERLIN) - 1).name == "2026-09"


def test_clock_changes_count() -> None:
    """Berlin's clocks go back in October and forward in March."""
    assert month("2026-10", BERLIN, NOW).hours == 31 * 24 + 1
    assert month("2026-03", BERLIN, NOW).hours == 31 * 24 - 1
    assert month("2026-10", "UTC", NOW).hours == 31 * 24


def test_february_with_a_clock_change() -> None:
    """Clocks of Campo Grande went back on 18 February 2018: 28 days and an hour."""
    found = month("2018-02", "America/Campo_Grande", NOW)
    assert (found.hours, len(found.days), found.days[-1]) == (28 * 24 + 1, 28, "2018-02-28")


def test_midnight_that_does_not_exist() -> None:
    """Beirut's clocks go forward at midnight: the day begins when they do."""
    day = date(2026, 3, 29)
    assert midnight(day, "Asia/Beirut") == datetime(2026, 3, 28, 22, tzinfo=UTC).timestamp()


def test_quarter_and_the_one_before() -> None:
    """The first quarter follows the last of the year before."""
    found = quarter("2026-Q1", BERLIN, NOW)
    assert (found.days[0], found.days[-1], found.before.name) == ("2026-01-01", "2026-03-31", "2025-Q4")
    assert quarter(None, BERLIN, NOW).name == "2026-Q3"
    assert quarter("last", BERLIN, NOW).name == "2026-Q3"


def test_preview_ends_with_the_last_full_minute() -> None:
    """And is compared with as much of the month before."""
    found = month(None, "UTC", NOW, preview=True)
    assert (found.name, found.whole, found.days[-1]) == ("2026-11", False, "2026-11-21")
    assert found.end_unix == datetime(2026, 11, 21, 9, 30, tzinfo=UTC).timestamp()
    assert found.before.end_unix == datetime(2026, 10, 21, 9, 30, tzinfo=UTC).timestamp()


def test_preview_of_a_month_that_is_over_is_that_month() -> None:
    """Nothing goes on in it."""
    assert month("2026-10", "UTC", NOW, preview=True) == month("2026-10", "UTC", NOW)


def test_preview_late_in_march_is_compared_with_no_more_than_february() -> None:
    """A month cannot pass its end."""
    late = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
    assert month(None, "UTC", late, preview=True).before.end_unix == midnight(date(2026, 3, 1), "UTC")


@pytest.mark.parametrize(
    "name", ["2026-13", "2026-00", "2026-1", "october", "2026-10-01", "0000-01", "9999-12", ""]
)
def test_nonsense_is_refused(name: str) -> None:
    """With the form that is meant."""
    with pytest.raises(UsageError, match="write 2026-10"):
        month(name, "UTC", NOW)


@pytest.mark.parametrize("name", ["2026-Q5", "2026-Q0", "Q4", "2026-10"])
def test_nonsense_for_a_quarter_is_refused(name: str) -> None:
    """Likewise."""
    with pytest.raises(UsageError, match="write 2026-Q4"):
        quarter(name, "UTC", NOW)


def test_running_and_future_months_are_refused() -> None:
    """A running one is shown with --preview."""
    with pytest.raises(UsageError, match="--preview"):
        month("2026-11", "UTC", NOW)
    for preview in (False, True):
        with pytest.raises(UsageError, match="has not begun"):
            month("2026-12", "UTC", NOW, preview=preview)


@given(
    day=st.dates(date(1975, 1, 1), date(2037, 1, 1)),
    timezone=st.sampled_from([BERLIN, "UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
def test_months_join_without_gap(day: date, timezone: str) -> None:
    """Each begins where the one before ends, and a quarter is its three months."""
    found = month(f"{day:%Y-%m}", timezone, 2**32)
    assert found.before.end_unix == found.begin_unix
    assert found.after == months_after(found.first, 1)
    start = months_after(day, -((day.month - 1) % 3))
    parts: list[Span] = [month(f"{months_after(start, each):%Y-%m}", timezone, 2**32) for each in range(3)]
    whole = quarter(f"{start.year:04}-Q{(start.month - 1) // 3 + 1}", timezone, 2**32)
    assert (parts[0].begin_unix, parts[2].end_unix) == (whole.begin_unix, whole.end_unix)
    assert whole.days == tuple(day for part in parts for day in part.days)
