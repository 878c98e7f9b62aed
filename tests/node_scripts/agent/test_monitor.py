"""The monitor's files as the agent writes and tells them."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from node_scripts.agent.context import Context, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.facts import facts
from node_scripts.agent.jobs import defined_jobs, ensure_job, remove_job
from node_scripts.agent.monitor import (
    fingerprint,
    read_live,
    spooled,
    wait_monitor,
    write_monitor_secrets,
)
from node_scripts.agent.read_write import write_file
from node_scripts.contracts import Job, JobStatus
from node_scripts.files import digest_of, write_atomically
from node_scripts.supervision.interface import SupervisionError, job_digest
from tests.node_scripts.agent.local_agent import context_at

CANARY = "canary-7f0dc925"


@pytest.fixture
def context() -> Iterator[Context]:
    """Yield an agent of a node with nothing on it."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        yield context_at(Path(folder))


def test_secrets_that_are_not_named_stay(context: Context) -> None:
    """Each operator writes what it has; an empty value removes; equal ones change nothing."""
    first = {"GARNET_STORE_ACCESS_KEY_ID": "a=b", "GARNET_ROUTE_ALERTS": "json://x json://y"}
    assert write_monitor_secrets(context, values=first) == {"changed": True}
    assert write_monitor_secrets(context, values=first) == {"changed": False}
    second = {"GARNET_ROUTE_ALERTS": "", "GARNET_ROUTE_THERMAL": "z"}
    assert write_monitor_secrets(context, values=second) == {"changed": True}
    path = context.paths.monitor_secrets_file
    assert path.read_text() == "GARNET_ROUTE_THERMAL=z\nGARNET_STORE_ACCESS_KEY_ID=a=b\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_of_secrets_that_others_can_read_is_written_anew(context: Context) -> None:
    """Whatever made it so."""
    write_monitor_secrets(context, values={"GARNET_ROUTE_ALERTS": "a"})
    context.paths.monitor_secrets_file.chmod(0o644)
    assert write_monitor_secrets(context, values={"GARNET_ROUTE_ALERTS": "a"}) == {"changed": True}
    assert context.paths.monitor_secrets_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("values", [{"PATH": "/x"}, {"GARNET_ROUTE_ALERTS": "a\nGARNET_ROUTE_THERMAL=b"}])
def test_only_secrets_of_one_line_are_written(context: Context, values: dict[str, str]) -> None:
    """The monitor reads one name and value a line."""
    with pytest.raises(StepError) as caught:
        write_monitor_secrets(context, values=values)
    assert caught.value.code == "bad_arguments"
    assert not context.paths.monitor_secrets_file.exists()


def test_facts_tell_secrets_by_a_fingerprint_that_only_the_asker_understands(context: Context) -> None:
    """Without its salt there are names; the values are nowhere."""
    write_monitor_secrets(context, values={"GARNET_ROUTE_ALERTS": CANARY})
    write_file(context, path="etc/monitor.json", content="{}", mode=0o600)
    salted = facts(context, artifacts=[], salt="s")
    assert salted["monitor_secrets"] == {"GARNET_ROUTE_ALERTS": fingerprint("s", CANARY)}
    assert fingerprint("s", CANARY) != fingerprint("t", CANARY)
    plain = facts(context, artifacts=[])
    assert plain["monitor_secrets"] == {"GARNET_ROUTE_ALERTS": ""}
    assert CANARY not in json.dumps([salted, plain])


def test_facts_tell_whether_the_monitor_works_by_what_lies_there(context: Context) -> None:
    """By what it says of itself; one that says nothing is left alone."""
    write_file(context, path="etc/monitor.json", content="{}", mode=0o600)
    assert facts(context, artifacts=[])["monitor_loaded"] is None
    make_folder(context.paths.run)
    for digest, expected in ((digest_of([b"{}", None]), True), (digest_of([b"", None]), False)):
        context.paths.monitor_live_file.write_text(json.dumps({"settings_digest": digest}))
        assert facts(context, artifacts=[])["monitor_loaded"] is expected


def test_a_monitor_is_waited_for_until_it_works_by_what_was_written(context: Context) -> None:
    """One that still shows the settings before is not ready; one that refuses them says why."""
    write_file(context, path="etc/monitor.json", content="{}", mode=0o600)
    make_folder(context.paths.run)
    live = context.paths.monitor_live_file

    def look(**values: str) -> None:
        write_atomically(live, json.dumps(values).encode())

    look(settings_digest="before")
    with pytest.raises(StepError, match="has not looked within 0 s"):
        wait_monitor(context, timeout_s=0.2)
    later = threading.Timer(0.3, look, kwargs={"settings_digest": digest_of([b"{}", None])})
    later.start()
    assert 0 < wait_monitor(context, timeout_s=10)["elapsed_s"] < 10
    later.join()
    look(settings_digest="before", settings_error="monitor.json: no")
    with pytest.raises(StepError, match=r"refuses its settings: monitor\.json: no") as caught:
        wait_monitor(context, timeout_s=10)
    assert caught.value.code == "monitor_not_ready"


def test_the_live_file_is_read_as_it_stands(context: Context) -> None:
    """Nothing without one; a damaged one is told."""
    assert read_live(context) is None
    make_folder(context.paths.run)
    context.paths.monitor_live_file.write_text('{"time_unix": 1.5}')
    assert read_live(context) == {"time_unix": 1.5}
    assert facts(context, artifacts=[])["live"] == {"time_unix": 1.5}
    context.paths.monitor_live_file.write_text("{")
    with pytest.raises(StepError, match="is damaged"):
        read_live(context)


def test_minutes_that_wait_are_counted_in_the_spool(context: Context) -> None:
    """None without a spool; unknown where it cannot be read."""
    assert spooled(context) == {"minutes": 0}
    make_folder(context.paths.spool)
    with closing(sqlite3.connect(context.paths.spool_file)) as spool, spool:
        spool.execute("CREATE TABLE minutes (key TEXT)")
        spool.executemany("INSERT INTO minutes VALUES (?)", [("a",), ("b",)])
    assert spooled(context) == {"minutes": 2}
    context.paths.spool_file.write_bytes(b"no database at all" * 100)
    assert spooled(context) == {"minutes": None}


class FakeSupervisor:
    """Ensures jobs, or fails to."""

    fails = False

    def ensure(self, job: Job, report: object) -> bool:
        """Do, or fail half-way."""
        if self.fails:
            raise SupervisionError("cut off")
        return True

    def remove(self, name: str, report: object) -> bool:
        """Forget it."""
        return True

    def statuses(self) -> list[JobStatus]:
        """Return nothing."""
        return []


def test_what_a_job_was_ensured_as_is_known_and_unknown_while_it_changes(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ensure that was cut off must not look as if it had been done, nor as if nothing had changed."""
    supervisor = FakeSupervisor()
    monkeypatch.setattr("node_scripts.agent.jobs.supervisor_for", lambda _paths: supervisor)
    old = Job(name="monitor", argv=["a"], working_directory="/", log="/l")
    new = Job(name="monitor", argv=["b"], working_directory="/", log="/l")
    other = Job(name="proxy-r", argv=["p"], working_directory="/", log="/l")

    def ensure(job: Job) -> None:
        wanted: dict[str, Any] = asdict(job)
        ensure_job(context, job=wanted)

    ensure(old)
    ensure(other)
    assert defined_jobs(context.paths) == {"monitor": job_digest(old), "proxy-r": job_digest(other)}
    supervisor.fails = True
    with pytest.raises(StepError):
        ensure(new)
    assert defined_jobs(context.paths) == {"proxy-r": job_digest(other)}
    supervisor.fails = False
    ensure(new)
    assert defined_jobs(context.paths)["monitor"] == job_digest(new)
    remove_job(context, name="monitor")
    assert defined_jobs(context.paths) == {"proxy-r": job_digest(other)}
