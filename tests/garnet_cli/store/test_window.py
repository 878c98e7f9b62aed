"""Windows of time as people write them."""

from __future__ import annotations

import pytest

from garnet_cli.errors import UsageError
from garnet_cli.store.days import days_between
from garnet_cli.store.window import moment, window
from tests.garnet_cli.store.shipped import DAY

DAY_S = 86_400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", DAY),
        ("90m", DAY - 5400),
        ("24h", DAY - DAY_S),
        ("7d", DAY - 7 * DAY_S),
        ("2w", DAY - 14 * DAY_S),
        ("2025-11-21", DAY),
        ("2025-11-21T08:30", DAY + 30_600),
        ("2025-11-21T08:30:00+01:00", DAY + 27_000),
    ],
)
def test_times_are_ago_or_utc(text: str, expected: float) -> None:
    """Unless they say their zone."""
    assert moment(text, DAY) == expected


@pytest.mark.parametrize(("since", "until"), [("tomorrow", "now"), ("", "now"), ("1d", "2d"), ("now", "now")])
def test_what_is_no_window_is_refused(since: str, until: str) -> None:
    """With a remedy."""
    with pytest.raises(UsageError, match="; "):
        window(since, until, DAY)


def test_a_window_touches_the_days_that_it_begins_before_the_end_of() -> None:
    """Its end is not in it."""
    assert len(days_between(DAY, DAY)) == 0
    assert len(days_between(DAY, DAY + 1)) == 1
    assert len(days_between(DAY, DAY + DAY_S)) == 1
    assert len(days_between(DAY - 0.5, DAY + DAY_S + 0.5)) == 3
