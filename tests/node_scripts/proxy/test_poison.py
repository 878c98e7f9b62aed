"""Requests that were in flight when a loader died."""

from __future__ import annotations

from node_scripts.proxy.poison import REMEMBERED_S, PoisonTable


def test_second_death_refuses_for_ten_minutes() -> None:
    """One death is bad luck, two are a pattern."""
    table = PoisonTable()
    table.blame(b"x", 0.0, 1)
    assert not table.refused(b"x", 1.0)
    table.blame(b"x", 2.0, 2)
    assert table.refused(b"x", 2.0 + REMEMBERED_S - 1)
    assert not table.refused(b"x", 2.0 + REMEMBERED_S)
    assert len(table) == 0


def test_equal_requests_share_one_death() -> None:
    """Each is told of by its own broken answer; the loader died once."""
    table = PoisonTable()
    assert [table.blame(b"x", 0.0, 1) for _ in range(3)] == [1, 1, 1]
    assert not table.refused(b"x", 1.0)
    assert table.blame(b"x", 1.0, 2) == 2


def test_an_answer_in_full_clears() -> None:
    """It was innocent."""
    table = PoisonTable()
    table.blame(b"x", 0.0, 1)
    table.clear(b"x")
    assert table.deaths(b"x", 0.0) == 0


def test_table_is_bounded_and_forgets_the_oldest() -> None:
    """No client can fill the memory."""
    table = PoisonTable(max_entries=3)
    for number in range(5):
        table.blame(b"%d" % number, float(number), number)
    assert len(table) == 3
    assert table.deaths(b"1", 5.0) == 0
    assert table.deaths(b"4", 5.0) == 1
