"""The spool: all or nothing, parts, the limit, batches, and what a damaged one costs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from gzip import decompress
from pathlib import Path

import pytest

from node_scripts.events import new_event
from node_scripts.monitor.keeper import MOST_MINUTES, Keeper
from node_scripts.monitor.sealed import COPY_NAME, Sealing, decode_minute, encode_minute
from node_scripts.monitor.spool import Spool
from node_scripts.monitor.spool_recovery import open_spool
from node_scripts.monitor.spool_schema import SpoolCorruptError, SpoolFullError
from node_scripts.records import Event, Minute
from tests.node_scripts.monitor.made import MINUTE

LIMIT = 1 << 20


def minute(begin: int = MINUTE, covered_s: float = 60.0) -> Minute:
    """Return a minute."""
    return Minute(fleet="f", node="n1", minute_unix=begin, sealed_unix=begin + 62.0, covered_s=covered_s)


def event(at_unix: float = MINUTE + 1.0) -> Event:
    """Return an event."""
    return new_event(time_unix=at_unix, fleet="f", node="n1", kind="monitor", subject="monitor", action="x")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the spool lies."""
    return tmp_path / "spool.sqlite"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    """Return a new spool, made before all minutes of these tests."""
    spool = Spool(path, LIMIT, MINUTE - 1000.0)
    yield spool
    spool.close()


def test_what_was_sealed_is_there_after_a_crash(path: Path, spool: Spool) -> None:
    """Another process finds minutes, events, positions and state, though nobody closed the file."""
    spool.seal(
        Sealing(
            minutes=[minute()],
            events=[event()],
            positions={"requests": {"1-1.jsonl": 40}},
            state={"alerts": b"{}"},
        )
    )
    other = Spool(path, LIMIT, MINUTE + 0.0)
    assert other.waiting()[0] == 1
    assert other.positions() == {"requests": {"1-1.jsonl": 40}}
    assert other.state() == {"alerts": b"{}"}
    row = other.oldest()
    assert row is not None
    assert row.key == "fleets/f/minutes/date=2026-11-18/node=n1/110700-0.json.gz"
    assert decode_minute(row.body) == minute()
    other.close()


def test_a_transaction_is_all_or_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure at its last step leaves nothing of it."""
    monkeypatch.setattr(
        spool, "_drop_oldest", lambda _: (_ for _ in ()).throw(sqlite3.OperationalError("full"))
    )
    with pytest.raises((SpoolFullError, SpoolCorruptError)):
        spool.seal(Sealing(minutes=[minute()], events=[event()], positions={"requests": {"a": 1}}))
    assert spool.waiting() == (0, 0)
    assert spool.positions() == {}
    assert spool.is_sealed(MINUTE) is False


def test_a_minute_sealed_again_is_another_part(spool: Spool) -> None:
    """Also after the first was shipped and forgotten."""
    spool.seal(Sealing(minutes=[minute()]))
    row = spool.oldest()
    assert row is not None
    spool.delivered(row)
    assert spool.is_sealed(MINUTE)
    spool.seal(Sealing(minutes=[minute(covered_s=3.0)]))
    again = spool.oldest()
    assert again is not None
    assert again.key.endswith("-1.json.gz")
    assert decode_minute(again.body).part == 1


def test_a_minute_is_renumbered_past_what_lies_in_the_store(spool: Spool) -> None:
    """Content stays, the part and the key change."""
    spool.seal(Sealing(minutes=[minute()]))
    row = spool.oldest()
    assert row is not None
    spool.renumber(row)
    again = spool.oldest()
    assert again is not None
    assert again.key.endswith("-1.json.gz")
    assert decode_minute(again.body).covered_s == 60.0
    spool.seal(Sealing(minutes=[minute()]))
    newest = spool.newest(0)
    assert newest is not None
    assert newest.key.endswith("-2.json.gz")


def test_the_oldest_minutes_go_first_at_the_limit(path: Path) -> None:
    """What is given up is said, and the newest stay."""
    size = len(encode_minute(minute()))
    spool = Spool(path, size * 11 // 2, MINUTE - 1000.0)
    dropped = spool.seal(Sealing(minutes=[minute(MINUTE + 60 * number) for number in range(5)]))
    assert dropped == 0
    dropped = spool.seal(Sealing(minutes=[minute(MINUTE + 60 * number) for number in range(5, 8)]))
    assert dropped == 3
    oldest = spool.oldest()
    assert oldest is not None
    assert oldest.minute_unix == MINUTE + 180
    spool.close()


def test_a_day_fits_the_default_limit(path: Path) -> None:
    """1,440 minutes of ten busy models each, in 512 MiB."""
    from node_scripts.monitor.minute_builder import add_request  # noqa: PLC0415 -- only here
    from tests.node_scripts.monitor.made import record  # noqa: PLC0415 -- likewise

    one = minute()
    for number in range(2000):
        add_request(
            one, record(model=f"model-{number % 10}", latency_ms=50.0 + number, key=f"team-{number % 20}")
        )
    assert len(encode_minute(one)) * 1440 < 512 * 1024 * 1024 / 10


def test_a_batch_keeps_its_key_and_bytes(path: Path, spool: Spool) -> None:
    """A resend after a crash is the same object; new events make another one."""
    spool.seal(Sealing(events=[event(MINUTE + 2.0), event(MINUTE + 1.0)]))
    spool.seal_batch()
    first = spool.batches()
    spool.seal(Sealing(events=[event(MINUTE + 3.0)]))
    other = Spool(path, LIMIT, MINUTE + 0.0)
    other.seal_batch()
    assert other.batches()[0] == first[0]
    assert len(other.batches()) == 2
    other.batch_delivered(first[0][0])
    assert len(other.batches()) == 1
    other.close()


def test_events_are_bounded(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are given up and counted."""
    monkeypatch.setattr("node_scripts.monitor.spool.MOST_EVENTS", 10)
    spool.seal(Sealing(events=[event(MINUTE + float(number)) for number in range(25)], minutes=[minute()]))
    assert spool.events_dropped == 15
    spool.seal_batch()
    lines = decompress(spool.batches()[0][1]).splitlines()
    assert len(lines) == 10
    assert b'"time_unix":%.1f' % (MINUTE + 15.0) in lines[0]


def test_files_that_are_no_more_are_forgotten(spool: Spool) -> None:
    """Positions do not grow for ever."""
    spool.seal(Sealing(positions={"requests": {"a": 1, "b": 2}}))
    spool.seal(Sealing(gone={"requests": ["a"]}))
    assert spool.positions() == {"requests": {"b": 2}}


def test_a_closed_spool_says_so(path: Path) -> None:
    """Who still holds it waits for the next."""
    spool = Spool(path, LIMIT, MINUTE + 0.0)
    spool.close()
    with pytest.raises(SpoolFullError, match="closed"):
        spool.waiting()


def test_minutes_that_another_spool_may_have_shipped_are_marked(path: Path) -> None:
    """Those up to the spool's own beginning."""
    spool = Spool(path, LIMIT, MINUTE + 30.0)
    spool.seal(Sealing(minutes=[minute(MINUTE), minute(MINUTE + 60)]))
    rows = [spool.oldest(), spool.newest(0)]
    assert [row.unsure for row in rows if row] == [True, False]
    spool.close()


def fill(path: Path) -> None:
    """Make a spool in which three minutes wait."""
    spool = Spool(path, LIMIT, MINUTE - 1000.0)
    for number in range(3):
        spool.seal(
            Sealing(
                minutes=[minute(MINUTE + 60 * number)],
                positions={"requests": {"1-1.jsonl": 100 * number}},
                state={"alerts": b"[%d]" % number},
            )
        )
    spool.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all, not even nearly" * 300])
def test_a_lost_spool_costs_what_waited_in_it(path: Path, content: bytes) -> None:
    """How far the journals were read and what was remembered come from the copy beside it."""
    fill(path)
    path.write_bytes(content)
    spool, damage = open_spool(path, LIMIT, MINUTE + 500.0)
    assert damage is not None
    assert (damage.saved, damage.lost) == (0, 3)
    assert spool.positions() == {"requests": {"1-1.jsonl": 200}}
    assert spool.state() == {"alerts": b"[2]"}
    spool.close()
    again, none = open_spool(path, LIMIT, MINUTE + 600.0)
    assert none is None
    again.close()


def test_an_older_spool_is_not_believed(path: Path) -> None:
    """One that was put back would count again what was shipped since: what it holds is looked at first."""
    fill(path)
    before = path.read_bytes()
    spool = Spool(path, LIMIT, MINUTE + 0.0)
    spool.seal(Sealing(minutes=[minute(MINUTE + 300)], positions={"requests": {"1-1.jsonl": 900}}))
    spool.close()
    path.write_bytes(before)
    spool, damage = open_spool(path, LIMIT, MINUTE + 500.0)
    assert damage is not None
    assert "older" in damage.why
    assert (damage.saved, damage.lost) == (3, 1)
    assert spool.positions() == {"requests": {"1-1.jsonl": 900}}
    rows = [spool.oldest(), spool.newest(0)]
    assert all(row is not None and row.unsure for row in rows)
    spool.close()


def test_a_garbled_row_costs_only_itself(path: Path) -> None:
    """The others are saved under their own parts when the file is replaced."""
    fill(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE minutes SET body=x'00ff' WHERE minute=?", (MINUTE + 60,))
        database.execute("DROP TABLE events")
        database.commit()
    spool, _ = open_spool(path, LIMIT, MINUTE + 500.0)
    with pytest.raises(SpoolCorruptError):
        spool.seal(Sealing(events=[event()]))
    spool.close()
    keeper = Keeper(path, LIMIT, lambda: MINUTE + 500.0)
    keeper.add(Sealing(events=[event()], minutes=[minute(MINUTE + 400)]))
    assert keeper.store()
    assert [damage.lost for damage in keeper.damages] == [1]
    assert keeper.spool.waiting()[0] == 3
    keeper.spool.close()


def test_few_damaged_spools_are_kept(path: Path) -> None:
    """They do not fill the disk."""
    for number in range(5):
        path.write_bytes(b"no database" * 100)
        spool, damage = open_spool(path, LIMIT, MINUTE + number * 10.0)
        assert damage is not None
        spool.close()
    assert len(list(path.parent.glob("spool.corrupt-*"))) == 2


def test_a_failing_copy_does_not_fail_the_seal(path: Path, spool: Spool) -> None:
    """What is stored is stored; or it would be stored twice."""
    (path.parent / COPY_NAME).unlink(missing_ok=True)
    (path.parent / COPY_NAME).mkdir()
    assert spool.seal(Sealing(minutes=[minute()])) == 0
    assert spool.copy_error
    assert spool.waiting()[0] == 1


def test_what_the_disk_does_not_take_is_kept_in_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored when there is space again; beyond two hours minutes are merged, and no count is lost."""
    keeper = Keeper(path, LIMIT, lambda: MINUTE + 0.0)
    with monkeypatch.context() as patched:

        def full(_: Sealing) -> int:
            raise SpoolFullError("database or disk is full")

        patched.setattr(keeper.spool, "seal", full)
        for number in range(MOST_MINUTES + 30):
            keeper.add(Sealing(minutes=[minute(MINUTE + 60 * number)], positions={"requests": {"a": number}}))
            assert not keeper.store()
            assert keeper.failing
        assert keeper.is_sealed(MINUTE + 60 * 40)
    assert keeper.store()
    assert not keeper.failing
    assert keeper.spool.positions() == {"requests": {"a": MOST_MINUTES + 29}}
    covered = 0.0
    while (row := keeper.spool.oldest()) is not None:
        covered += decode_minute(row.body).covered_s
        keeper.spool.delivered(row)
    assert covered == 60.0 * (MOST_MINUTES + 30)
    keeper.spool.close()


def test_a_newer_schema_is_not_touched(path: Path, spool: Spool) -> None:
    """It is set aside, as what cannot be understood."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=99")
    with pytest.raises(SpoolCorruptError, match="newer"):
        Spool(path, LIMIT, MINUTE + 0.0)
