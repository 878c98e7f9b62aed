"""What a message says, and how it is cut."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_scripts.monitor.alerts.messages import Item, Message, body, duration, figure, split, title
from node_scripts.monitor.alerts.state import ActiveAlert

NOW_UNIX = 1_795_246_200.0
ALERT = ActiveAlert(
    rule="packed-throttle",
    severity="critical",
    route="thermal",
    node="mini-1",
    subject="",
    says="throttles while it has work",
    value=6.24,
    unit="%",
    compare=">",
    threshold=5.0,
    since_unix=NOW_UNIX - 754,
    told=False,
    silenced="",
    inhibited="",
    cause="too warm",
    command="garnet top",
)
SLOW = replace(
    ALERT, rule="latency-p95", subject="llama", value=1234.5, unit="ms", threshold=100.0, says="is slow"
)


def message_of(*items: Item) -> Message:
    """Return a message of the fleet ``rack``, told by mini-2."""
    return Message(route="alerts", time_unix=NOW_UNIX, fleet="rack", node="mini-2", items=list(items))


def test_text_says_node_value_threshold_since_cause_and_command() -> None:
    """All that one needs at night, in plain text."""
    assert body(message_of(Item(kind="firing", alert=ALERT))) == (
        "FIRING [critical] packed-throttle: mini-1 throttles while it has work\n"
        "6.2 %, threshold > 5 %, since 2026-11-21 07:17:26 UTC (12 min 34 s)\n"
        "likely cause: too warm\n"
        "look further: garnet top\n"
        "\n"
        "fleet rack, told by mini-2 at 2026-11-21 07:30:00 UTC"
    )


def test_markdown_marks_the_state_and_the_command() -> None:
    """Nothing else differs."""
    message = message_of(Item(kind="repeat", alert=SLOW))
    text = body(message, markdown=True)
    assert text.startswith("**STILL FIRING** [critical] latency-p95: llama on mini-1 is slow\n1,234 ms, ")
    assert "look further: `garnet top`" in text
    assert text.replace("**", "").replace("`", "") == body(message)


def test_end_says_why_and_how_long() -> None:
    """A resolved alert has no cause to look for."""
    text = body(message_of(Item(kind="resolved", alert=ALERT, reason="good for 60 s")))
    assert text.startswith(
        "RESOLVED [critical] packed-throttle: mini-1 throttles while it has work\n"
        "good for 60 s; it was bad since 2026-11-21 07:17:26 UTC (12 min 34 s)\n"
    )
    assert "look further" not in text


def test_grouped_message_counts_in_its_title_and_begins_with_what_fires() -> None:
    """Several alerts are one message."""
    nodes = [replace(ALERT, node=f"mini-{number}") for number in range(1, 6)]
    items = [Item(kind="resolved", alert=nodes[0]), *(Item(kind="firing", alert=node) for node in nodes[1:])]
    message = message_of(*items)
    assert title(message) == "4 FIRING, 1 RESOLVED: mini-1, mini-2, mini-3 and 2 more"
    text = body(message)
    assert text.index("RESOLVED") > text.index("mini-5")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "unknown"),
        (15.0, "s", "15 s"),
        (0.25, "s", "0.2 s"),
        (99.96, "%", "100.0 %"),
        (9.0, "% free", "9 % free"),
        (123456.7, "MiB", "123,457 MiB"),
    ],
)
def test_figures_have_their_unit(value: float | None, unit: str, text: str) -> None:
    """Unknown is never 0."""
    assert figure(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59.6, "1 min"), (3600, "1 h"), (93784, "1 d 2 h"), (3661, "1 h 1 min")],
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    """Enough for people."""
    assert duration(seconds) == text


@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r"), max_size=120), max_size=40),
    st.integers(50, 300),
)
def test_split_loses_nothing_and_keeps_the_limit(lines: list[str], limit: int) -> None:
    """Whatever the lines, but for blanks; those that fit are whole."""
    parts = split("\n".join(lines), limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join("".join(lines).split())
    fitting = [line for line in lines if line.strip() and len(line) <= limit]
    assert all(any(line in part for part in parts) for line in fitting)


def test_split_fills_parts_to_the_limit_and_not_beyond() -> None:
    """The line's end counts."""
    assert split("aaaa\nbbbb", 9) == ["aaaa\nbbbb"]
    assert split("aaaa\nbbbb", 8) == ["aaaa", "bbbb"]
    assert split("aaaaaa", 4) == ["aaaa", "aa"]


def test_a_heading_is_the_title_of_what_is_neither_alert_nor_test() -> None:
    """A week's summary is not called a test."""
    message = Message(
        route="alerts", time_unix=0.0, fleet="f", node="me@here", items=[], note="Two moves.", heading="Week"
    )
    assert title(message) == "Week"
    assert body(message).startswith("Two moves.")
