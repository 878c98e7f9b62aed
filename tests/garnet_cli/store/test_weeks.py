"""ISO weeks in time zones: their ends, their lengths, their names."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garnet_cli.errors import UsageError
from garnet_cli.store.weeks import Week, chosen_week, named_week, week_of

BERLIN = "Europe/Berlin"
ZONES = ("UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "America/Santiago")


def at(text: str, timezone: str = "UTC") -> float:
    """Return a local time as seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)).timestamp()


def test_a_week_runs_from_local_monday_to_local_monday() -> None:
    """Berlin's week begins an hour before UTC's in winter."""
    week = named_week("2026-W47", BERLIN)
    assert (week.begin_unix, week.end_unix) == (at("2026-11-15T23:00"), at("2026-11-22T23:00"))
    assert (str(week.monday), str(week.sunday)) == ("2026-11-16", "2026-11-22")


@pytest.mark.parametrize(
    ("name", "timezone", "hours"),
    [
        ("2026-W13", BERLIN, 167),
        ("2026-W43", BERLIN, 169),
        ("2026-W44", BERLIN, 168),
        ("2026-W43", "UTC", 168),
        ("2026-W10", "America/New_York", 167),
        ("2026-W44", "America/New_York", 169),
        ("2026-W14", "Australia/Lord_Howe", 168.5),
    ],
)
def test_clock_changes_make_weeks_longer_and_shorter(name: str, timezone: str, hours: float) -> None:
    """The hour that is skipped or comes twice belongs to its week."""
    assert named_week(name, timezone).hours == hours


def test_years_begin_in_the_week_of_their_first_thursday() -> None:
    """2027-01-01 is a Friday: it is in 2026's week 53."""
    assert week_of(at("2027-01-01T12:00"), "UTC").name == "2026-W53"
    assert named_week("2026-W53", "UTC").before(-1).name == "2027-W01"
    assert named_week("2027-W01", "UTC").before().name == "2026-W53"


@pytest.mark.parametrize("name", ["", "47", "2026-47", "2026-W7", "W47", "2026-W477", "last", "2026-w47"])
def test_what_is_no_week_is_refused_with_an_example(name: str) -> None:
    """The error shows the form."""
    with pytest.raises(UsageError, match="is no week; write it as 2026-W47"):
        named_week(name, "UTC")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("2025-W53", "2025-W01 to 2025-W52"), ("2026-W00", "2026-W53"), ("0000-W10", "from 0001 on")],
)
def test_weeks_that_do_not_exist_are_refused_with_those_that_do(name: str, remedy: str) -> None:
    """2025 has 52 weeks, 2026 has 53."""
    with pytest.raises(UsageError, match=remedy):
        named_week(name, "UTC")


def test_without_a_name_it_is_the_last_complete_week() -> None:
    """On Monday morning that is the week that ended a moment ago, in the fleet's time zone."""
    monday = at("2026-11-23T00:00", BERLIN)
    assert chosen_week(None, BERLIN, monday).name == "2026-W47"
    assert chosen_week(None, BERLIN, monday - 1).name == "2026-W46"
    assert chosen_week(None, "UTC", monday).name == "2026-W46"
    assert chosen_week(None, BERLIN, monday).over(monday)


def test_the_running_week_is_not_over_and_a_later_one_is_refused() -> None:
    """A running week may be asked for; one that has not begun may not."""
    now = at("2026-11-18T12:00", BERLIN)
    running = chosen_week("current", BERLIN, now)
    assert running == chosen_week("2026-W47", BERLIN, now)
    assert not running.over(now)
    with pytest.raises(UsageError, match="2026-W48 begins on 2026-11-23, which is not yet; the running"):
        chosen_week("2026-W48", BERLIN, now)


@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2037, 12, 1)),  # noqa: DTZ001 -- made UTC below
    st.sampled_from(ZONES),
)
def test_weeks_follow_each_other_without_gap_or_overlap(moment: datetime, timezone: str) -> None:
    """A moment is in its week, and the week before ends where it begins."""
    unix = moment.replace(tzinfo=UTC).timestamp()
    week = week_of(unix, timezone)
    assert week.begin_unix <= unix < week.end_unix
    assert week.before().end_unix == week.begin_unix
    assert named_week(week.name, timezone) == week
    assert isinstance(week, Week)
    assert 140 <= week.hours <= 172
