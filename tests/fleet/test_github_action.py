"""The GitHub action and the example workflows, run as they are written against a fleet behind real sshd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.fleet.conftest import ssh_lines
from tests.fleet.rack import Rack
from tests.fleet.sshd import Sshd, make_key
from tests.github.expressions import evaluate
from tests.github.runner import Runner, Step
from tests.github.stand_ins import Artifacts, actions
from tests.github.watching import ArgumentWatch, parts_of

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]

ACTION = "your-organisation/garnet@0"


@dataclass
class Office:
    """A fleet, the repository that its inventory lies in, and what GitHub keeps of it."""

    rack: Rack
    repository: Path
    contexts: dict[str, Any]
    temp: Path

    @property
    def key(self) -> str:
        """The private key that the nodes know."""
        return str(self.contexts["secrets"]["GARNET_SSH_KEY"])

    def runner(self, folder: Path, artifacts: Artifacts | None = None) -> Runner:
        """Return a fresh runner; it shares with others what the action has installed, and ``artifacts``."""
        kept = artifacts or Artifacts(folder / "artifacts")
        runner = Runner(folder, actions(self.repository, kept), self.temp)
        # What is installed here runs a few times: compiling all of it would take longer.
        runner.extra_environment["PIP_NO_COMPILE"] = "1"
        return runner

    def run(self, runner: Runner, *commands: dict[str, str]) -> dict[str, Step]:
        """Check out and run one step of the action for each command, with the key and the host keys."""
        keys = {
            "ssh-key": "${{ secrets.GARNET_SSH_KEY }}",
            "known-hosts": "${{ vars.GARNET_KNOWN_HOSTS }}",
        }
        steps: list[dict[str, Any]] = [
            {"uses": "actions/checkout@0", "with": {"persist-credentials": False}},
            *({"id": f"step-{n}", "uses": ACTION, "with": keys | each} for n, each in enumerate(commands)),
        ]
        return runner.run_job({"jobs": {"job": {"steps": steps}}}, "job", self.contexts)


@pytest.fixture(scope="module")
def office(
    servers: dict[str, Sshd], tiny_model_a: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """Return a fleet of two nodes whose inventory names no key: that is GitHub's to keep."""

    def lines(name: str) -> list[str]:
        return [line for line in ssh_lines(servers[name]) if not line.startswith("identity_file")]

    folder = tmp_path_factory.mktemp("office")
    key = make_key(folder / "identity")
    for server in servers.values():
        with server.authorized_keys.open("a") as stream:
            stream.write(f"restrict {key.with_suffix('.pub').read_text()}")
        server.known_hosts(folder / "known_hosts")
    with Rack(list(servers), lines) as rack:
        rack.environment |= {
            "GARNET_IDENTITY_FILE": str(key),
            "GARNET_KNOWN_HOSTS": str(folder / "known_hosts"),
        }
        rack.serve("tiny", tiny_model_a)
        repository = folder / "repository"
        repository.mkdir()
        (repository / "inventory.toml").symlink_to(rack.inventory)
        contexts = {
            "secrets": {"GARNET_SSH_KEY": key.read_text()},
            "vars": {"GARNET_KNOWN_HOSTS": (folder / "known_hosts").read_text()},
            "github": {"run_id": "77", "repository": "team/fleet", "ref_name": "v1", "event": {}},
        }
        yield Office(rack, repository, contexts, folder / "temp")


def example(name: str) -> Any:
    """Return an example workflow."""
    return yaml.safe_load((ROOT / "docs" / "examples" / name).read_text())


def left_behind(runner: Runner) -> list[Path]:
    """Return what the action has left of its keys."""
    return [path for path in runner.temp.rglob("*") if path.name in {"identity", "known_hosts"}]


def test_the_action_installs_itself_and_brings_a_fleet_up(office: Office, tmp_path: Path) -> None:
    """As a job's steps; the key is in no argument and no line of the log, and gone in the end."""
    runner = office.runner(tmp_path)
    with ArgumentWatch(parts_of(office.key)) as watch:
        steps = office.run(
            runner,
            {"command": "check"},
            {"command": "up --yes"},
            {"command": "status --json", "stdout": "status.json"},
        )
    assert [steps[f"step-{n}"].outputs.get("outcome") for n in range(3)] == ["done"] * 3, runner.log
    status = json.loads((runner.workspace / "status.json").read_text())
    assert sorted(one["node"] for one in status) == ["one", "two"]
    assert watch.found == set()
    assert watch.looks > 20
    assert not any(part in runner.log for part in parts_of(office.key))
    assert left_behind(runner) == []
    assert list(runner.home.glob(".ssh/*")) == []


def test_a_node_with_another_host_key_is_refused_and_the_key_is_removed(
    office: Office, servers: dict[str, Sshd], tmp_path: Path
) -> None:
    """Exit code 4, an annotation that names the node, nothing left."""
    server = servers["one"]
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text().split()
    hosts = f"[{server.host}]:{server.port} {other[0]} {other[1]}\n"
    runner = office.runner(tmp_path / "runner")
    steps = office.run(runner, {"command": "status one", "known-hosts": hosts})
    assert steps["step-0"].outputs == {"exit-code": "4", "outcome": "unreachable"}
    assert steps["step-0"].outcome == "failure"
    assert "one: " in runner.log
    assert "changed" in runner.log
    assert left_behind(runner) == []


def test_the_deploy_example_rolls_out_what_was_planned(office: Office, tmp_path: Path) -> None:
    """Both jobs as written, the plan as an artifact between them. Then there is nothing to do."""
    office.run(office.runner(tmp_path / "up"), {"command": "up --yes"})
    office.rack.proxy["queue_limit"] = 65
    # A busy machine must not look like a slow release: that judgement has tests of its own.
    office.rack.deploy = {"watch_s": 12, "roll_watch_s": 12, "ratio_limit": 10.0}
    office.rack.write()
    workflow = example("deploy.yml")
    artifacts = Artifacts(tmp_path / "artifacts")
    planning = office.runner(tmp_path / "plan", artifacts)
    planned = planning.run_job(workflow, "plan", office.contexts)
    assert planned["show"].outputs == {"changes": "2"}, planning.log
    assert planning.summary.count('"kind": "configuration"') == 2

    deploying = office.runner(tmp_path / "deploy", artifacts)
    with ArgumentWatch(parts_of(office.key)) as watch:
        ended = deploying.run_job(workflow, "deploy", office.contexts)
    assert ended["deploy"].outputs == {"exit-code": "0", "outcome": "done"}, deploying.log
    assert "garnet deploy" in deploying.summary
    assert "(run 77 of team/fleet)" in deploying.log
    assert watch.found == set()
    assert not any(part in deploying.log for part in parts_of(office.key))
    assert left_behind(deploying) == []

    again = office.runner(tmp_path / "again").run_job(workflow, "plan", office.contexts)
    needs = {"plan": {"outputs": again["show"].outputs}}
    assert evaluate(workflow["jobs"]["deploy"]["if"], {"needs": needs}, {}) is False


def test_the_air_gapped_example_installs_from_what_it_carries(office: Office, tmp_path: Path) -> None:
    """The jobs that fetch wheels run as written; the runner that installs them has no index."""
    workflow = example("air-gapped.yml")
    artifacts = Artifacts(tmp_path / "artifacts")
    for job in ("runner-wheels", "node-wheels"):
        runner = office.runner(tmp_path / job, artifacts)
        ended = runner.run_job(workflow, job, office.contexts)
        assert {step.outcome for step in ended.values()} == {"success"}, runner.log
    steps = workflow["jobs"]["deploy"]["steps"]
    steps[-1]["with"]["command"] = "up --yes --wheelhouse node-wheels"
    steps[-1]["id"] = "deploy"
    runner = office.runner(tmp_path / "deploy", artifacts)
    runner.extra_environment["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple"
    ended = runner.run_job(workflow, "deploy", office.contexts)
    assert ended["deploy"].outputs == {"exit-code": "0", "outcome": "done"}, runner.log
    assert left_behind(runner) == []
