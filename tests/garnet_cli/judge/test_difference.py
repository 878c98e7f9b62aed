"""What `up` would do."""

from __future__ import annotations

from dataclasses import replace

from garnet_cli.fleet.facts import ArtifactFacts, NodeFacts, PythonFacts, SupervisorFacts
from garnet_cli.judge.difference import DesiredLoader, DesiredNode, differences
from node_scripts.contracts import (
    SCHEMA,
    ClientKey,
    JobStatus,
    Keys,
    LoaderSpec,
    Slot,
    SlotTable,
)
from node_scripts.journals import SwapJournal

KEYS = Keys(schema=SCHEMA, keys=[ClientKey(name="app", sha256="00", created="then")])
DESIRED = DesiredNode(
    node="one",
    release="r1",
    environment="e1",
    fleet_sha256="f1",
    keys=KEYS,
    secret_fingerprint="s1",
    starts_at_boot=True,
    loaders=(DesiredLoader(model="m", source="./a", artifact="a", runtime="x", context=4096, concurrency=4),),
    monitor_job="j1",
    monitor_sha256="m1",
    monitor_secrets={"GARNET_ROUTE_ALERTS": "p1"},
)
ACTIVE = LoaderSpec(
    name="loader-1", model="m", artifact="a", runtime="x", http_socket="h", stats_socket="s", source="./a"
)


def facts(**changes: object) -> NodeFacts:
    """Return a node that is as DESIRED wants it, but for ``changes``."""
    converged = NodeFacts(
        hostname="one",
        system="Darwin",
        machine="arm64",
        chip="Apple M4 Pro",
        os_version="26.2",
        python=PythonFacts("/usr/bin/python3", "3.12.1"),
        uv=None,
        memory_bytes=1,
        memory_available_bytes=1,
        disk_free_bytes=1,
        disk_total_bytes=1,
        time_unix=0,
        cpu_count=1,
        release="r1",
        releases=["r1"],
        environments=["e1"],
        artifacts={"a": ArtifactFacts(1)},
        fleet_sha256="f1",
        keys=KEYS,
        secret_fingerprint="s1",
        jobs=[JobStatus(name=name, state="running") for name in ("proxy-r1", "loader-1", "monitor")],
        defined_jobs={"monitor": "j1"},
        monitor_sha256="m1",
        monitor_secrets={"GARNET_ROUTE_ALERTS": "p1", "GARNET_ROUTE_THERMAL": "q1"},
        monitor_loaded=True,
        supervisor=SupervisorFacts("launchd", running=True, starts_at_boot=True),
        slots=SlotTable(schema=SCHEMA, slots={"m": Slot(model="m", active=ACTIVE)}),
        swaps=[],
        listen_state="ours",
        lease=None,
        next_serial=2,
    )
    return replace(converged, **changes)  # type: ignore[arg-type]


def kinds(node: NodeFacts, desired: DesiredNode = DESIRED) -> list[str]:
    """Return the kinds of the differences, in order."""
    return [change.kind for change in differences(desired, node)]


def test_a_node_that_is_as_it_should_be_has_no_difference() -> None:
    """``up`` again changes nothing."""
    assert kinds(facts()) == []


def test_a_bare_node_gets_everything_in_the_order_in_which_it_is_needed() -> None:
    """Code before configuration before processes before loaders."""
    bare = facts(
        release=None,
        releases=[],
        environments=[],
        artifacts={},
        fleet_sha256=None,
        keys=None,
        secret_fingerprint=None,
        jobs=[],
        slots=None,
        supervisor=SupervisorFacts("launchd", running=False, starts_at_boot=False),
        defined_jobs={},
        monitor_sha256=None,
        monitor_secrets={},
        monitor_loaded=None,
    )
    assert kinds(bare) == [
        *("release", "environment", "artifact", "secret", "keys", "configuration"),
        *("supervisor", "proxy", "start loader", "configuration", "configuration", "monitor"),
    ]


def test_a_new_release_starts_a_new_proxy_and_retires_the_old_one() -> None:
    """Loaders whose runtime is the same stay."""
    jobs = [JobStatus(name="proxy-r0", state="running"), *facts().jobs[1:]]
    node = facts(release="r0", jobs=jobs, defined_jobs={"monitor": "j0"})
    assert kinds(node) == ["release", "proxy", "retire proxy", "monitor"]


def test_another_artifact_or_runtime_is_a_swap() -> None:
    """Both change what is served, so both go by the swap's steps."""
    for changed in (replace(ACTIVE, artifact="z"), replace(ACTIVE, runtime="z")):
        table = SlotTable(schema=SCHEMA, slots={"m": Slot(model="m", active=changed)})
        assert kinds(facts(slots=table)) == ["swap loader"]


def test_files_that_were_written_but_not_loaded_are_a_difference() -> None:
    """An `up` that was cut off between the two; a proxy that cannot tell is left alone."""
    assert kinds(facts(settings_loaded=False)) == ["configuration"]
    assert kinds(facts(settings_loaded=False, fleet_sha256="f0")) == ["configuration"]
    assert kinds(facts(settings_loaded=True)) == []


def test_a_model_that_left_the_node_is_taken_out_of_service() -> None:
    """Its slot and its loader go."""
    assert kinds(facts(), replace(DESIRED, loaders=())) == ["stop loader"]


def test_a_loader_whose_job_is_gone_is_restarted() -> None:
    """A slot without its process is not what was wanted."""
    assert kinds(facts(jobs=[job for job in facts().jobs if job.name != "loader-1"])) == ["restart loader"]


def test_a_loader_in_no_slot_is_stray_unless_a_swap_knows_it() -> None:
    """An unfinished swap's loader is left to that swap."""
    stray = JobStatus(name="loader-7", state="running")
    jobs = [*facts().jobs, stray]
    assert kinds(facts(jobs=jobs)) == ["stray loader"]
    assert kinds(facts(jobs=jobs, loader_folders=["loader-7", "loader-8"])) == ["stray loader"] * 2
    journal = SwapJournal(
        schema=SCHEMA,
        model="m",
        step="start",
        old=ACTIVE,
        new=replace(ACTIVE, name="loader-7"),
        who="me",
        started="then",
        updated="then",
    )
    assert kinds(facts(jobs=jobs, swaps=[journal])) == ["finish swap"]


def monitor_changes(node: NodeFacts, desired: DesiredNode = DESIRED) -> list[tuple[str, str, str]]:
    """Return kind, subject and detail of the differences."""
    return [(change.kind, change.subject, change.detail) for change in differences(desired, node)]


def test_a_changed_configuration_of_the_monitor_is_no_reason_to_start_it_anew() -> None:
    """It reads its files again; the proxy's are others."""
    assert monitor_changes(facts(monitor_sha256="m0")) == [("configuration", "monitor.json", "")]
    assert monitor_changes(facts(monitor_loaded=False)) == [
        ("configuration", "monitor", "the monitor has not loaded what was written")
    ]
    assert kinds(facts(monitor_loaded=None)) == []


def test_secrets_that_the_operator_lacks_are_left_as_they_are() -> None:
    """A CI job without the routes' URLs does not take them away; only what is told is compared."""
    assert kinds(facts(), replace(DESIRED, monitor_secrets={})) == []
    told = {"GARNET_ROUTE_ALERTS": "p2", "GARNET_ROUTE_THERMAL": "", "GARNET_ROUTE_MONTHLY": ""}
    assert monitor_changes(facts(), replace(DESIRED, monitor_secrets=told)) == [
        ("configuration", "monitor.env", "GARNET_ROUTE_ALERTS, GARNET_ROUTE_THERMAL (removed)")
    ]


def test_a_monitor_that_is_not_as_it_should_be_is_started() -> None:
    """Absent, failed, or of another release or environment."""
    without = [job for job in facts().jobs if job.name != "monitor"]
    failed = [*without, JobStatus(name="monitor", state="failed")]
    assert monitor_changes(facts(jobs=without)) == [("monitor", "monitor", "start")]
    assert monitor_changes(facts(jobs=failed)) == [("monitor", "monitor", "it is failed")]
    changed = ("monitor", "monitor", "its code or environment changed")
    assert monitor_changes(facts(defined_jobs={"monitor": "j0"})) == [changed]
    assert monitor_changes(facts(defined_jobs={})) == [changed]
