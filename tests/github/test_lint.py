"""Every workflow, the action and the examples, by three linters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.github.linters import actionlint, as_workflow, shellcheck, zizmor

ACTION = ROOT / "action.yml"
WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("docs/examples/*.yml")])
PINNED = re.compile(r"[\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40}")


def named(path: Path) -> str:
    """Return a path from the repository on."""
    return str(path.relative_to(ROOT))


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every step of the action, the workflows and the examples, with the name of its file."""
    for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]:
        yield "action.yml", step
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                yield named(path), step


def test_actionlint_finds_nothing() -> None:
    """In the workflows, the examples, and the action's steps read as a workflow."""
    texts = {named(path): path.read_text() for path in WORKFLOWS}
    assert len(texts) > 3
    texts["action.yml (as a workflow)"] = as_workflow(yaml.safe_load(ACTION.read_text()))
    assert actionlint(texts) == []


def test_actionlint_finds_what_is_wrong() -> None:
    """An unknown key, a context and an input that do not exist are told with their line."""
    steps = [{"run": "echo", "shel": "bash"}, {"run": "echo ${{ no.x }}"}]
    job = {"runs-on": "ubuntu-24.04", "steps": steps}
    bad = yaml.safe_dump({"on": "push", "jobs": {"job": job}})
    action = {"inputs": {}, "runs": {"steps": [{"run": "echo", "env": {"A": "${{ inputs.none }}"}}]}}
    found = actionlint({"bad.yml": bad, "action.yml": as_workflow(action)})
    assert len(found) == 3
    assert all(re.match(r"(bad|action)\.yml:\d+:\d+: ", each) for each in found)


def test_zizmor_finds_nothing() -> None:
    """No injection, no credentials left behind, no permission too many."""
    done = zizmor([ACTION, *WORKFLOWS])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout


def test_shellcheck_finds_nothing() -> None:
    """In the shell of every step."""
    found = {
        f"{name}: {step['run'][:60]}": shellcheck(step["run"]) for name, step in steps() if "run" in step
    }
    assert {name: said for name, said in found.items() if said} == {}
    assert "SC2086" in shellcheck("#!/bin/bash\nrm -r $FOLDER\n")


def test_no_expression_stands_in_a_script() -> None:
    """Inputs and secrets reach a script by its environment: never by its text, never by an argument."""
    assert [name for name, step in steps() if "${{" in step.get("run", "")] == []


def test_every_action_is_pinned_by_its_commit() -> None:
    """A tag can be moved; the version stands in a comment."""
    used = [(name, step["uses"]) for name, step in steps() if "uses" in step]
    assert [each for each in used if not PINNED.fullmatch(each[1]) and not each[1].startswith("./")] == []
    for path in [ACTION, *WORKFLOWS]:
        lines = [line for line in path.read_text().splitlines() if "@" in line and "uses:" in line]
        assert all(re.search(r"# \S+", line) for line in lines), path


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_every_job_has_a_time_limit_and_no_permission_it_does_not_need(path: Path) -> None:
    """Permissions are none unless a job says so; a run that hangs ends."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 180
        assert "permissions" in job
    assert "concurrency" in workflow
