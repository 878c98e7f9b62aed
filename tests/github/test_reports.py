"""The example workflows that ask the store only, run as they are written on a simulated fleet's store."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.github.expressions import evaluate
from tests.github.runner import Runner, Step
from tests.github.stand_ins import Artifacts, actions
from tests.simulated.fleets import quiet_fleet
from tests.simulated.store import simulate

NODES = ("mini-1", "mini-2")
DAYS = 2
INVENTORY = """
[fleet]
name = "{fleet}"
store = "{store}"
{nodes}
[models."llama-3.3-70b"]
source = "mlx-community/Llama-3.3-70B-Instruct-4bit@7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"
nodes = "all"
"""
NODE = '[[nodes]]\nname = "{}"\nhost = "{}.example"\nroot = "/opt/garnet"\nmemory_gb = 64\n'


def last_days(today: date) -> list[date]:
    """Return a day of the last whole month, and one of the last whole week."""
    return [
        today.replace(day=1) - timedelta(days=DAYS + 2),
        today - timedelta(days=today.weekday() + DAYS + 1),
    ]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with an inventory, whose store has some days of the last week and month."""
    folder = tmp_path_factory.mktemp("simulated")
    for begin in last_days(datetime.now(UTC).date()):
        spec = quiet_fleet(begin=begin, days=DAYS, nodes=len(NODES), timezone="UTC")
        simulate(spec, folder / "store")
    nodes = "".join(NODE.format(name, name) for name in NODES)
    (folder / "repository").mkdir()
    (folder / "repository" / "inventory.toml").write_text(
        INVENTORY.format(fleet=spec.fleet, store=folder / "store", nodes=nodes)
    )
    return folder


def run(simulated: Path, tmp_path: Path, name: str, job: str) -> tuple[Runner, dict[str, Step], Path]:
    """Run a job of an example on a copy of the store; return also where its artifacts are."""
    shutil.copytree(simulated / "store", tmp_path / "store")
    shutil.copytree(simulated / "repository", tmp_path / "repository")
    inventory = tmp_path / "repository" / "inventory.toml"
    inventory.write_text(inventory.read_text().replace(str(simulated / "store"), str(tmp_path / "store")))
    runner = Runner(tmp_path, actions(tmp_path / "repository", Artifacts(tmp_path / "artifacts")))
    runner.given = {"install": {"python": str(ROOT / ".venv" / "bin" / "python")}}
    return runner, runner.run_job(workflow(name), job), tmp_path / "artifacts"


def workflow(name: str) -> Any:
    """Return an example."""
    return yaml.safe_load((ROOT / "docs" / "examples" / name).read_text())


@pytest.mark.parametrize(
    ("job", "kept"), [("compact", None), ("weekly", "*.md"), ("monthly", "*.pdf")], ids=lambda one: one or ""
)
def test_each_report_is_made_and_kept(simulated: Path, tmp_path: Path, job: str, kept: str | None) -> None:
    """The step succeeds, what it wrote is an artifact, and no key was needed."""
    runner, steps, artifacts = run(simulated, tmp_path, "reports.yml", job)
    assert "failure" not in {step.outcome for step in steps.values()}, runner.log
    if kept:
        assert list((artifacts / job).rglob(kept))
        assert runner.summary


def test_the_dead_mans_check_fails_and_names_the_silent_nodes(simulated: Path, tmp_path: Path) -> None:
    """Nobody has reported for days."""
    runner, steps, _ = run(simulated, tmp_path, "alerts.yml", "watch")
    assert [step.outputs.get("exit-code") for step in steps.values()] == [None, "1"]
    annotations = [line for line in runner.log.splitlines() if line.startswith("::error")]
    assert all(name in "".join(annotations) for name in NODES), runner.log


@pytest.mark.parametrize("job", ["compact", "weekly", "monthly"])
def test_a_schedule_starts_its_own_job(job: str) -> None:
    """Each `cron` line stands in one job's `if:`, and each job can be started by hand."""
    reports = workflow("reports.yml")
    lines = [each["cron"] for each in reports[True]["schedule"]]
    jobs = reports["jobs"]

    def started(**contexts: Any) -> list[str]:
        known = {"github": {"event": {}}, "inputs": {}, **contexts}
        return [name for name, each in jobs.items() if evaluate(each["if"], known, {})]

    assert sorted(started(github={"event": {"schedule": line}})[0] for line in lines) == sorted(jobs)
    assert all(len(started(github={"event": {"schedule": line}})) == 1 for line in lines)
    assert started(inputs={"report": job}) == [job]
    assert job in reports[True]["workflow_dispatch"]["inputs"]["report"]["options"]
