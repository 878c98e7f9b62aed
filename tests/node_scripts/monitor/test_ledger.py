"""Which minute a record belongs to, and what is sealed when."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from node_scripts.monitor.ledger import Entry, Ledger
from node_scripts.records import Minute
from tests.node_scripts.monitor.made import MINUTE, record, sample


class Book:
    """A ledger and what it has sealed."""

    def __init__(self, now: float = MINUTE) -> None:
        """Open the minute of ``now``."""
        self.sealed: list[Minute] = []
        self.positions: dict[str, int] = {}
        self.ledger = Ledger("f", "n1", "r1", 60, self.is_sealed)
        self.ledger.begin(now)
        self._ends: dict[str, int] = {}

    def is_sealed(self, begin: int) -> bool:
        """Say whether it was sealed."""
        return any(one.minute_unix == begin for one in self.sealed)

    def write(self, now: float, *ends: float | None, file: str = "1-1.jsonl") -> None:
        """Read lines of requests that ended at ``ends``; ``None`` is one that cannot be read."""
        entries = []
        for end in ends:
            self._ends[file] = self._ends.get(file, 0) + 10
            entries.append(Entry(file, self._ends[file], None if end is None else record(end)))
        self.ledger.take(entries)
        self.ledger.count_records(now)

    def look(self, now: float, dt_s: float = 5.0) -> None:
        """Take a sample."""
        self.ledger.add_sample(sample(now, dt_s), None, None)

    def close(self, now: float) -> list[Minute]:
        """Seal."""
        minutes, self.positions = self.ledger.close(now)
        self.sealed += minutes
        self.ledger.count_records(now)
        return minutes


def requests(minute: Minute) -> int:
    """Return how many requests a minute counts."""
    return sum(model.client.requests for model in minute.models.values())


def counted(minutes: list[Minute]) -> dict[int, int]:
    """Return requests by minute, from MINUTE on."""
    found: dict[int, int] = {}
    for minute in minutes:
        number = (minute.minute_unix - MINUTE) // 60
        found[number] = found.get(number, 0) + requests(minute)
    return found


def test_a_minute_is_sealed_two_seconds_after_its_end() -> None:
    """Its last records are on their way until then."""
    book = Book()
    assert not book.ledger.is_due(MINUTE + 61.9)
    assert book.ledger.is_due(MINUTE + 62.0)
    assert book.ledger.due_unix() == MINUTE + 62.0


def test_the_journal_is_cut_at_the_first_record_of_the_next_minute() -> None:
    """What lies behind the cut is read again by who goes on from it, and is counted once."""
    book = Book()
    book.write(MINUTE + 61, MINUTE + 10, MINUTE + 59, MINUTE + 60.5, MINUTE + 59.9)
    assert counted(book.close(MINUTE + 62)) == {0: 2}
    assert book.positions == {"1-1.jsonl": 20}
    minutes = book.close(MINUTE + 122)
    assert counted(minutes) == {1: 2}
    assert minutes[0].monitor.late_requests == 1
    assert book.positions == {"1-1.jsonl": 40}


def test_each_file_has_its_own_cut() -> None:
    """Two proxies write during an upgrade; one being ahead does not hold the other up."""
    book = Book()
    book.write(MINUTE + 61, MINUTE + 60.5, file="1-1.jsonl")
    book.write(MINUTE + 61, MINUTE + 59, MINUTE + 60.2, file="2-2.jsonl")
    assert counted(book.close(MINUTE + 62)) == {0: 1}
    assert book.positions == {"2-2.jsonl": 10}


def test_a_record_that_is_a_little_late_counts_into_the_open_minute() -> None:
    """And is counted as late."""
    book = Book()
    book.look(MINUTE + 5)
    book.close(MINUTE + 62)
    book.look(MINUTE + 65)
    book.write(MINUTE + 70, MINUTE + 30)
    assert counted(book.close(MINUTE + 122)) == {1: 1}
    assert book.sealed[-1].monitor.late_requests == 1


def test_a_record_that_is_very_late_makes_another_part_of_its_minute() -> None:
    """More than two minutes: its own minute again."""
    book = Book()
    book.look(MINUTE + 5)
    for number in range(1, 5):
        book.close(MINUTE + 60 * number + 2)
        book.look(MINUTE + 60 * number + 10)
    book.write(MINUTE + 250, MINUTE + 30)
    assert counted(book.close(MINUTE + 302)) == {0: 1, 4: 0}


def test_the_minutes_of_a_dead_monitor_are_sealed_from_the_journal() -> None:
    """Requests count where they ended; without sensors, coverage is 0; empty minutes are not made."""
    book = Book(now=MINUTE + 600)
    book.write(MINUTE + 601, *(MINUTE + at for at in (10, 20, 70, 130, 590)))
    book.look(MINUTE + 605)
    minutes = book.close(MINUTE + 662)
    assert counted(minutes) == {0: 2, 1: 1, 2: 1, 9: 1, 10: 0}
    assert [one.covered_s for one in minutes] == [0.0, 0.0, 0.0, 0.0, 5.0]
    assert [one.minute_unix for one in minutes] == sorted(one.minute_unix for one in minutes)


def test_a_long_journal_is_sealed_in_pieces() -> None:
    """So many past minutes at once are not kept in memory."""
    book = Book(now=MINUTE + 86400)
    book.write(MINUTE + 86401, *(MINUTE + 60 * number for number in range(300)))
    assert book.ledger.is_due(MINUTE + 86401)


def test_unreadable_lines_are_counted_and_passed() -> None:
    """They hold nothing up."""
    book = Book()
    book.write(MINUTE + 5, None, MINUTE + 3, None)
    minutes = book.close(MINUTE + 62)
    assert (counted(minutes), minutes[0].monitor.corrupt_lines) == ({0: 1}, 2)
    assert book.positions == {"1-1.jsonl": 30}


def test_a_clock_set_forward_and_back_a_day() -> None:
    """Each part is sealed at the jump; records count once; a minute that comes again is another part."""
    book = Book()
    book.look(MINUTE + 5)
    book.write(MINUTE + 10, MINUTE + 9)
    day = 86400
    assert book.ledger.is_due(MINUTE + day + 15)
    book.close(MINUTE + day + 15)
    book.look(MINUTE + day + 20)
    book.write(MINUTE + day + 20, MINUTE + day + 18, MINUTE + day + 19)
    assert book.ledger.is_due(MINUTE + 25)
    book.close(MINUTE + 25)
    book.look(MINUTE + 30)
    book.write(MINUTE + 30, MINUTE + day + 19.5, MINUTE + 28)
    book.close(MINUTE + 62)
    assert counted(book.sealed) == {0: 3, 1440: 2}
    assert sum(one.covered_s for one in book.sealed) == 15.0


def test_a_record_dated_by_a_wrong_clock_does_not_hold_others_up() -> None:
    """One from tomorrow counts now."""
    book = Book()
    book.write(MINUTE + 10, MINUTE + 86400, MINUTE + 9)
    assert counted(book.close(MINUTE + 62)) == {0: 2}


def test_a_clock_that_is_slewed_back_keeps_the_minute_open() -> None:
    """Less than two seconds is no jump."""
    book = Book(now=MINUTE + 60)
    assert not book.ledger.is_due(MINUTE + 58.5)
    assert book.ledger.is_due(MINUTE + 57.5)


def test_a_sample_belongs_where_the_middle_of_its_time_lies() -> None:
    """One taken just after the end still covers the minute before."""
    book = Book()
    book.look(MINUTE + 60.01)
    book.look(MINUTE + 61.5, 1.0)
    first = book.close(MINUTE + 62)
    assert [one.covered_s for one in first] == [5.0]
    assert [one.covered_s for one in book.close(MINUTE + 122)] == [1.0]


def test_losses_alone_are_worth_a_minute() -> None:
    """A count of what was lost is shipped even when nothing else happened."""
    book = Book()
    assert book.close(MINUTE + 62) == []
    book.ledger.count(unrecorded_requests=3, store_failures=0)
    minutes = book.close(MINUTE + 122)
    assert [one.monitor.unrecorded_requests for one in minutes] == [3]


_ACTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("write"),
            st.lists(st.floats(-200, 90), min_size=1, max_size=5),
            st.sampled_from(["1-1", "2-2"]),
        ),
        st.tuples(st.just("pass"), st.floats(0.5, 90), st.just("")),
        st.tuples(st.just("jump"), st.sampled_from([-86400.0, 86400.0, -30.0, 45.0, 3600.0]), st.just("")),
        st.tuples(st.just("crash"), st.just(0.0), st.just("")),
    ),
    max_size=40,
)


@given(acts=_ACTS)
@settings(max_examples=200, deadline=None)
def test_every_record_counts_once_whatever_happens(acts: list[Any]) -> None:
    """Clock jumps, late records and crashes in any order: what was sealed and cut is each record once."""
    now = float(MINUTE)
    book = Book(now)
    journal: dict[str, list[float]] = {}
    read: dict[str, int] = {}

    def catch_up() -> None:
        for file, ends in journal.items():
            begin = read.get(file, 0)
            book.ledger.take(
                [Entry(file, number + 1, record(end)) for number, end in enumerate(ends)][begin:]
            )
            read[file] = len(ends)
        book.ledger.count_records(now)
        if book.ledger.is_due(now):
            book.close(now)

    for what, value, file in acts:
        if what == "write":
            journal.setdefault(file, []).extend(now + offset for offset in value)
        elif what == "crash":
            sealed, positions = book.sealed, book.positions
            book = Book(now)
            book.sealed, book.positions = sealed, positions
            book.ledger.positions = dict(positions)
            read = dict(positions)
        else:
            now += value
        catch_up()
        assert sum(map(requests, book.sealed)) == sum(book.positions.values())
    for _ in range(5):
        now += 62
        catch_up()
        book.close(now)
    assert sum(map(requests, book.sealed)) == sum(len(ends) for ends in journal.values())
