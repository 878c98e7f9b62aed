"""Monitors that are killed, stores that are away, disks that are full: every request counts once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node_scripts.monitor.sealed import Sealing
from node_scripts.monitor.spool import Spool
from node_scripts.records import ClientSide, Minute, ModelMinute
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import minutes_prefix, parse_minute_key
from node_scripts.store.s3 import S3Store
from tests.node_scripts.monitor.made import configure
from tests.node_scripts.monitor.running import (
    MonitorProcess,
    Stream,
    events_in,
    eventually,
    minutes_in,
    sums_of,
)
from tests.store_servers import address_of, rclone_s3
from tests.tiny_disk import fill, needs_root, tiny_disk

pytestmark = pytest.mark.fleet


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """Return a store in a directory."""
    (tmp_path / "store").mkdir()
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def monitor(tmp_path: Path, store: DirectoryStore) -> Iterator[MonitorProcess]:
    """Return a monitor of one-second minutes that ships there; not started."""
    configure(tmp_path / "node", store={"url": str(tmp_path / "store")})
    with MonitorProcess(tmp_path / "node") as process:
        yield process


def wait_until_all_is_shipped(monitor: MonitorProcess, stream: Stream, store: Any) -> None:
    """Wait until the store's sums are what was written; they never may be more."""

    def all_there() -> bool:
        found = sums_of(minutes_in(store))
        assert found.requests <= stream.written.requests
        return found == stream.written

    eventually(all_there, f"{stream.written}, not {sums_of(minutes_in(store))}\n{monitor.text()}")


def test_killed_at_random_moments(monitor: MonitorProcess, store: DirectoryStore) -> None:
    """Kill -9 under a stream of requests, again and again: sums are exact, nothing counts twice."""
    draw = random.Random(20261121)
    with Stream(monitor.paths.request_journal) as stream:
        for _ in range(10):
            monitor.start()
            monitor.wait_for_look()
            time.sleep(draw.uniform(0, 1.6))
            monitor.kill()
        stream.stop()
        monitor.start()
        wait_until_all_is_shipped(monitor, stream, store)
        assert monitor.terminate() == 0
    assert stream.written.requests > 500
    assert sums_of(minutes_in(store)) == stream.written
    assert [event.action for event in events_in(store)].count("died") == 10


def test_sigterm_seals_and_ships_what_there_is(monitor: MonitorProcess, store: DirectoryStore) -> None:
    """The partial minute is in the store when it has ended, well within its five seconds."""
    monitor.start()
    monitor.wait_for_look()
    with Stream(monitor.paths.request_journal) as stream:
        time.sleep(1.2)
        stream.stop()
        begun = time.monotonic()
        assert monitor.terminate() == 0
        assert time.monotonic() - begun < 6
    assert sums_of(minutes_in(store)) == stream.written
    assert {event.action for event in events_in(store)} == {"started", "stopped"}


def test_sigterm_does_not_wait_for_a_store_that_hangs(tmp_path: Path) -> None:
    """A server that takes connections and says nothing: it ends in time, and ships after its return."""
    import socket  # noqa: PLC0415 -- only here

    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = f"http://127.0.0.1:{mute.getsockname()[1]}"
        configure(tmp_path / "node", store={"url": "s3://b", "endpoint": endpoint})
        with MonitorProcess(tmp_path / "node") as monitor:
            monitor.start()
            monitor.wait_for_look()
            eventually(lambda: (monitor.live() or {})["spool_minutes"] >= 2, "minutes wait")
            begun = time.monotonic()
            assert monitor.terminate() == 0
            assert time.monotonic() - begun < 8
            assert (monitor.live() or {})["store_ok"] is not True


def test_only_one_a_root(monitor: MonitorProcess) -> None:
    """A second one says so and ends; the first goes on."""
    monitor.start()
    monitor.wait_for_look()
    second = MonitorProcess(monitor.paths.root)
    assert second.start().wait() == 1
    assert "runs already" in monitor.text()


def test_settings_are_read_again_on_sighup(
    monitor: MonitorProcess, store: DirectoryStore, tmp_path: Path
) -> None:
    """A store that is new takes what has waited; bad settings are shown, and those in force stay."""
    configure(tmp_path / "node", store=None)
    monitor.start()
    eventually(lambda: (monitor.wait_for_look())["spool_minutes"] >= 2, "minutes wait in the spool")
    assert (monitor.live() or {})["store_ok"] is None
    (tmp_path / "node" / "etc" / "monitor.json").write_text("{")
    monitor.send(signal.SIGHUP)
    eventually(lambda: (monitor.live() or {})["settings_error"], "the mistake is shown")
    configure(tmp_path / "node", store={"url": str(tmp_path / "store")})
    monitor.send(signal.SIGHUP)
    eventually(lambda: len(minutes_in(store)) >= 3, "they are shipped")
    eventually(lambda: (monitor.live() or {})["settings_error"] == "", "no mistake is shown")


def made_minute(begin: int, requests: int = 1) -> Minute:
    """Return a minute of so many requests."""
    client = ClientSide(requests=requests, answered=requests)
    for number in range(requests):
        client.latency_ms.add(float(number))
    return Minute(
        fleet="f",
        node="n1",
        minute_unix=begin,
        sealed_unix=begin + 62.0,
        covered_s=60.0,
        models={"tiny": ModelMinute(client=client)},
    )


def test_a_day_without_a_store(tmp_path: Path) -> None:
    """1,440 minutes wait; when the store is back all of them arrive, and the present is not kept waiting."""
    root, day = tmp_path / "node", int(time.time()) // 60 * 60 - 86400
    with rclone_s3(tmp_path / "s3") as (endpoint, keys, bucket):
        port = int(endpoint.rpartition(":")[2])
    monitor = MonitorProcess(root)
    configure(root, store={"url": f"s3://{bucket}", "endpoint": endpoint, "region": "us-east-1"}, minute_s=2)
    secrets = root / "etc" / "monitor.env"
    secrets.write_text(
        f"GARNET_STORE_ACCESS_KEY_ID={keys.access_key_id}\n"
        f"GARNET_STORE_SECRET_ACCESS_KEY={keys.secret_access_key}\n"
    )
    secrets.chmod(0o600)
    spool = Spool(monitor.paths.spool_file, 512 << 20, float(day))
    for begin in range(day, day + 86400, 60 * 60):
        spool.seal(Sealing(minutes=[made_minute(at) for at in range(begin, begin + 3600, 60)]))
    assert spool.waiting()[0] == 1440
    spool.close()
    with monitor, Stream(monitor.paths.request_journal, pause_s=0.02) as stream:
        monitor.start()
        eventually(lambda: monitor.wait_for_look()["store_ok"] is False, "the store is missed")
        eventually(lambda: monitor.wait_for_look()["spool_minutes"] >= 1442, "the present waits, too")
        with rclone_s3(tmp_path / "s3", port=port) as (again, _, _):
            assert again == endpoint
            back_unix = time.time()
            store = S3Store(address_of(endpoint, bucket), keys)
            monitor.send(signal.SIGHUP)  # or it would come back by itself within a minute
            eventually(lambda: monitor.wait_for_look()["spool_minutes"] <= 1, "the backlog is shipped")
            stream.stop()
            assert monitor.terminate() == 0
            minutes = minutes_in(store)
            arrived = [
                (one.modified_unix, key.minute_unix)
                for one in store.list(minutes_prefix("f"))
                if (key := parse_minute_key(one.key)) is not None
            ]
            store.close()
    old = {one.minute_unix for one in minutes if one.minute_unix < day + 86400}
    assert old == set(range(day, day + 86400, 60))
    first_of_now = min(at for at, begin in arrived if begin >= back_unix - 4)
    assert sum(at < first_of_now for at, begin in arrived if begin in old) <= 2, "the present goes first"
    assert sum(one.models["tiny"].client.requests for one in minutes if one.minute_unix in old) == 1440
    recent = sums_of(one for one in minutes if one.minute_unix not in old)
    assert recent == stream.written
    assert sum(one.monitor.store_failures for one in minutes) > 0
    assert keys.secret_access_key not in monitor.text()


@needs_root
def test_a_full_disk(tmp_path: Path, store: DirectoryStore) -> None:
    """Nothing can be written for a while: what the journal holds counts exactly."""
    configure(tmp_path / "node", store={"url": str(tmp_path / "store")})
    with tiny_disk(tmp_path / "node" / "spool", "6m"), MonitorProcess(tmp_path / "node") as monitor:
        with Stream(monitor.paths.request_journal, pause_s=0.01) as stream:
            monitor.start()
            monitor.wait_for_look()
            eventually(lambda: minutes_in(store), "minutes arrive")
            ballast = monitor.paths.spool / "ballast"
            fill(ballast)
            eventually(lambda: "cannot be written" in monitor.text(), "the disk is full")
            eventually(lambda: stream.journal.unrecorded > 50, "the journal finds it full")
            full_s = monitor.wait_for_look()["sample"]["monotonic_s"]
            eventually(
                lambda: monitor.wait_for_look()["sample"]["monotonic_s"] > full_s + 3, "it goes on looking"
            )
            ballast.unlink()
            written = stream.written.requests
            eventually(lambda: stream.written.requests > written + 50, "requests are recorded again")
            stream.stop()
            wait_until_all_is_shipped(monitor, stream, store)
            assert monitor.terminate() == 0
        minutes = minutes_in(store)
        assert sums_of(minutes) == stream.written
        covered = sorted(one.minute_unix for one in minutes if one.covered_s)
        assert covered[-1] - covered[0] <= len(set(covered)) + 2, "what was sampled meanwhile is kept too"
        actions = [event.action for event in events_in(store) if event.kind == "spool"]
        assert actions == ["cannot be written", "written again"]
        assert "Traceback" not in monitor.text()


@pytest.mark.parametrize("damage", ["random", "truncated", "empty", "middle"])
def test_a_corrupt_spool(tmp_path: Path, monitor: MonitorProcess, store: DirectoryStore, damage: str) -> None:
    """It is set aside; what it held is saved or counted as lost, and nothing counts twice."""
    (tmp_path / "store").rename(tmp_path / "away")
    with Stream(monitor.paths.request_journal) as stream:
        monitor.start()
        eventually(lambda: monitor.wait_for_look()["spool_minutes"] >= 4, "minutes wait in the spool")
        monitor.kill()
        spoil(monitor.paths.spool_file, damage)
        monitor.start()
        monitor.wait_for_look()
        (tmp_path / "away").rename(tmp_path / "store")
        stream.stop()
        monitor.send(signal.SIGHUP)
        eventually(
            lambda: monitor.wait_for_look()["spool_minutes"] == 0 and minutes_in(store), "all is shipped"
        )
        assert monitor.terminate() == 0
    minutes, events = minutes_in(store), events_in(store)
    replaced = [event for event in events if event.action == "replaced"]
    assert len(replaced) == 1, monitor.text()
    lost = replaced[0].detail["lost_minutes"]
    assert sum(one.monitor.dropped_minutes for one in minutes) == lost
    found = sums_of(minutes)
    assert found.requests <= stream.written.requests
    assert (found == stream.written) == (lost == 0), (found, stream.written, lost)
    assert list(monitor.paths.spool.glob("spool.corrupt-*"))
    assert "Traceback" not in monitor.text()


def spoil(path: Path, damage: str) -> None:
    """Damage a spool."""
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    content = bytearray(path.read_bytes())
    if damage == "random":
        content[:] = random.Random(7).randbytes(len(content))
    elif damage == "truncated":
        del content[len(content) // 2 :]
    elif damage == "empty":
        content = bytearray(b"not a database")
    else:
        begin = len(content) // 2 // 4096 * 4096
        content[begin : begin + 4096] = b"\xff" * 4096
    path.write_bytes(content)


CANARY = "CANARY-7f3a-the-secret-prompt"


def test_nothing_of_an_unreadable_line_leaves_the_node(
    tmp_path: Path, monitor: MonitorProcess, store: DirectoryStore
) -> None:
    """Its bytes are in no object, no log, not in the spool's tables and not in what people see."""
    lines = [
        f'{{"end_unix": 1, "model": "{CANARY}", "outcome": "{CANARY}"}}',
        f'{{"prompt": "{CANARY}"',
        f'"{CANARY}"',
        f'{{"end_unix": "{CANARY}", "model": "tiny", "outcome": "answered"}}',
    ]
    name = f"{int(time.time() * 1000):013d}-{os.getpid()}.jsonl"
    for folder in (monitor.paths.request_journal, monitor.paths.event_journal):
        (folder / name).write_text("".join(line + "\n" for line in lines))
    monitor.start()
    monitor.wait_for_look()
    eventually(lambda: sum(one.monitor.corrupt_lines for one in minutes_in(store)) == 8, "they are counted")
    assert monitor.terminate() == 0
    from gzip import decompress  # noqa: PLC0415 -- only here

    stored = [decompress(store.get(one.key)) for one in store.list("")]
    seen = [*stored, monitor.text().encode(), monitor.paths.monitor_live_file.read_bytes()]
    seen += [path.read_bytes() for path in monitor.paths.spool.glob("spool.sqlite*")]
    assert [content for content in seen if CANARY.encode() in content] == []
    aside = monitor.paths.spool / "unreadable-lines"
    assert CANARY in aside.read_text()
    assert aside.stat().st_mode & 0o077 == 0
