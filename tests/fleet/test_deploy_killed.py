"""The operator's program is killed in each step of a deploy: the fleet serves on, the nodes go back alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from garnet_cli.demo.traffic import Traffic
from tests.fleet.deploying import (
    ENOUGH,
    WATCH,
    Reached,
    asked_all_the_time,
    back_by_themselves,
    good_release,
    held_by,
    killed_when,
    swapped,
    trial,
    two_nodes,
)
from tests.fleet.programs import Program, release_of
from tests.fleet.rack import Rack

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory, tiny_model_a: Path) -> Iterator[Rack]:
    """Return two nodes that serve one model."""
    with two_nodes(tmp_path_factory.mktemp("deploy"), tiny_model_a) as (rack, _):
        yield rack


@pytest.fixture(scope="module")
def other(rack: Rack) -> Program:
    """Return a release to deploy."""
    return good_release(rack)


@pytest.fixture
def traffic(rack: Rack) -> Iterator[Traffic]:
    """Ask both nodes all the time; no answer may fail."""
    with asked_all_the_time(rack) as sent:
        yield sent


def stages(rack: Rack, before: str) -> dict[str, Reached]:
    """Return what each step of a deploy shows on the nodes once it is reached, in order."""
    one, two = rack.node("one"), rack.node("two")
    return {
        "leases held": lambda: held_by(one, "garnet deploy"),
        "trial open": lambda: trial(one) == "open",
        "release linked": lambda: trial(one) == "open" and release_of(one.root) != before,
        "loader prepared": lambda: swapped(one, "plan"),
        "loader started": lambda: swapped(one, "start", "test"),
        "flipped": lambda: swapped(one, "flip", "drain"),
        "canary watched": lambda: swapped(one, "watch"),
        "second trial open": lambda: trial(two) == "open",
        "second flipped": lambda: swapped(two, "flip", "drain"),
        "second watched": lambda: swapped(two, "watch"),
    }


def test_killed_at_every_step_the_nodes_go_back_and_the_next_deploy_ends_clean(
    rack: Rack, other: Program, traffic: Traffic
) -> None:
    """As the journals on the nodes tell the steps; nobody's request fails in any of it."""
    before = release_of(rack.node("one").root)
    running_then = []
    for what, reached in stages(rack, before).items():
        traffic.wait_for(len(traffic.seen) + ENOUGH)
        operator = other.begin("deploy", *WATCH, log=rack.folder / "deploy.log")
        if killed_when(operator, reached, what):
            running_then.append(what)
        back_by_themselves(rack, before)
    assert len(running_then) >= 8, f"{running_then}\n{(rack.folder / 'deploy.log').read_text()}"
    done = json.loads(other.garnet("deploy", *WATCH).stdout)
    assert done["outcome"] == "done"
    assert json.loads(other.garnet("deploy", "plan", "--json").stdout)["changes"] == []
