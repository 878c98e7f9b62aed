"""What keeps a deploy from nodes that serve clients: the plan, the tests, the staging node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.deploying import LENIENT, MODEL, USUAL_S
from tests.fleet.programs import Program, program, release_of, slower
from tests.fleet.rack import Rack

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]

WATCH = ("--json", "--watch", "3", "--roll-watch", "3")


@pytest.fixture(scope="module")
def rack(tiny_model_a: Path) -> Iterator[Rack]:
    """Return a node that serves clients, and one that is for staging."""
    with Rack(["one", "stage"]) as rack:
        rack.deploy = {
            "staging": "stage",
            "grace_s": 5.0,
            "ratio_limit": LENIENT,
            "test_command": "test ! -e failing && touch tested",
        }
        rack.serve(MODEL, tiny_model_a)
        slower(rack, "usual", USUAL_S).garnet("up", "--yes")
        yield rack


@pytest.fixture(scope="module")
def other(rack: Rack) -> Program:
    """Return another release, as fast as the first."""
    return slower(rack, "other", USUAL_S + 0.0001)


def releases(rack: Rack) -> list[str]:
    """Return the release of each node."""
    return [release_of(node.root) for node in rack.nodes]


def test_a_plan_that_is_no_longer_what_there_is_to_do_changes_nothing(rack: Rack, other: Program) -> None:
    """A node that left the inventory between plan and apply, and one that came."""
    before = releases(rack)
    plan = rack.folder / "plan.json"
    plan.write_text(other.garnet("deploy", "plan", "--json").stdout)
    (stage,) = [node for node in rack.nodes if node.name == "stage"]
    try:
        rack.nodes.remove(stage)
        rack.deploy.pop("staging")
        rack.write()
        done = other.garnet("deploy", "--plan", str(plan), *WATCH, code=1)
        assert "gone: the release of stage" in done.stderr
        plan.write_text(other.garnet("deploy", "plan", "--json").stdout)
    finally:
        rack.nodes.append(stage)
        rack.deploy["staging"] = "stage"
        rack.write()
    done = other.garnet("deploy", "--plan", str(plan), *WATCH, code=1)
    assert "new: the release of stage" in done.stderr
    assert "nothing was changed" in done.stderr
    assert releases(rack) == before
    assert "is no plan" in other.garnet("deploy", "--plan", str(rack.inventory), code=2).stderr


def test_a_failing_test_command_ends_it_before_any_lease_is_taken(rack: Rack, other: Program) -> None:
    """In the inventory's folder."""
    before = releases(rack)
    (rack.folder / "failing").touch()
    try:
        done = other.garnet("deploy", "--yes", *WATCH, code=1)
    finally:
        (rack.folder / "failing").unlink()
    assert "failed with exit code 1; nothing was changed" in done.stderr
    assert releases(rack) == before


def test_without_a_terminal_it_asks_for_yes(rack: Rack, other: Program) -> None:
    """And a dry run changes nothing."""
    before = releases(rack)
    assert "add --yes" in other.garnet("deploy", code=2).stderr
    shown = json.loads(other.garnet("deploy", "--dry-run", "--json").stdout)
    assert (shown["done"], shown["nodes"]) == (False, ["one", "stage"])
    assert (
        "it cannot be the canary"
        in other.garnet("deploy", "--yes", "--node", "one", "--canary", "stage", code=2).stderr
    )
    assert releases(rack) == before


def test_what_the_staging_node_does_not_bear_reaches_no_client(rack: Rack) -> None:
    """A release whose loader does not start."""
    before = releases(rack)
    first = "from __future__ import annotations\n"
    broken = program(rack, "broken", {"node_scripts/loader.py": (first, first + "raise SystemExit(9)\n")})
    done = broken.garnet("deploy", "--yes", *WATCH, "--ready-timeout", "30", code=3)
    document = json.loads(done.stdout)
    assert "the staging node failed" in document["reason"]
    assert [(node["node"], node["outcome"]) for node in document["nodes"]] == [("stage", "reverted")]
    assert releases(rack) == before


def test_a_release_goes_by_the_staging_node_and_quiet_nodes_are_judged_by_test_prompts(
    rack: Rack, other: Program
) -> None:
    """No client asks for anything here; the tests that were skipped are recorded as such."""
    (rack.folder / "tested").unlink(missing_ok=True)
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(rack.folder / "summary.md")}
    done = other.garnet(
        "deploy", "--yes", "--skip-tests", *WATCH[:1], "--watch", "20", environment=environment
    )
    document = json.loads(done.stdout)
    assert (document["outcome"], document["tests"]) == ("done", "skipped")
    assert [(node["node"], node["role"], node["outcome"]) for node in document["nodes"]] == [
        ("stage", "staging", "confirmed"),
        ("one", "canary", "confirmed"),
    ]
    assert document["nodes"][1]["verdict"]["models"][0]["by_prompts"]
    assert not (rack.folder / "tested").exists()
    summary = (rack.folder / "summary.md").read_text()
    assert "deploy done on stage, one" in summary
    assert "| one | canary |" in summary
