"""Deploys on three nodes behind real sshd, with real loaders, under constant traffic: no request fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.demo.traffic import Traffic
from tests.fleet.asking import proxy_status
from tests.fleet.conftest import ssh_lines
from tests.fleet.deploying import LENIENT
from tests.fleet.programs import COMMENT, Program, program, release_of, slower
from tests.fleet.rack import Rack
from tests.fleet.sshd import Sshd, running

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]

NAMES = ("one", "two", "three")
MODEL = "tiny"
USUAL_S = 1.2
"""What the fleet's own release waits before it serves: a busy machine must not look like a slow release."""
WATCH = ("--yes", "--json", "--watch", "15", "--roll-watch", "15")


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory, tiny_model_a: Path) -> Iterator[Rack]:
    """Return three nodes that serve one model by a release of steady speed, which all tests come back to."""
    with (
        running(tmp_path_factory.mktemp("one")) as one,
        running(tmp_path_factory.mktemp("two")) as two,
        running(tmp_path_factory.mktemp("three")) as three,
    ):
        servers: dict[str, Sshd] = {"one": one, "two": two, "three": three}
        with Rack(NAMES, lambda name: ssh_lines(servers[name])) as rack:
            for server in servers.values():
                server.known_hosts(rack.folder / "known_hosts")
            rack.serve(MODEL, tiny_model_a)
            slower(rack, "usual", USUAL_S).garnet("up", "--yes")
            yield rack


@contextmanager
def traffic(rack: Rack) -> Iterator[Traffic]:
    """Ask all nodes all the time; in the end every answer must have come in full."""
    sent = Traffic([node.url for node in rack.nodes], MODEL, workers=50, max_tokens=(2,))
    sent.start()
    try:
        sent.wait_for(300)
        yield sent
        sent.wait_for(len(sent.seen) + 30)
    finally:
        sent.stop()
    assert [one for one in sent.seen if one.outcome != "answered"] == []


def deployed(done: Any) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return a deploy's outcome, and each node's part in it."""
    document = json.loads(done.stdout)
    return document["outcome"], {node["node"]: node for node in document["nodes"]}


def releases(rack: Rack) -> dict[str, str]:
    """Return what each node's proxy runs, and that its link says the same."""
    found = {node.name: proxy_status(node)["release"] for node in rack.nodes}
    assert found == {node.name: release_of(node.root) for node in rack.nodes}
    return found


def had(rack: Rack, release: str) -> list[str]:
    """Return the nodes whose log says that a proxy of ``release`` ran there."""
    return [node.name for node in rack.nodes if list((node.root / "log").glob(f"proxy-{release}.log*"))]


def at_rest(rack: Rack) -> None:
    """Nothing is left of a deploy: no open trial, no second loader, no fuse."""
    for name, one in rack.status().items():
        facts = one["facts"]
        assert facts["trial"] is None or facts["trial"]["status"] == "reverted", name
        assert facts["swaps"] == []
        kinds = sorted(job["name"].partition("-")[0] for job in facts["jobs"])
        assert kinds == ["loader", "monitor", "proxy"], name


def test_a_good_release_rolls_through(rack: Rack) -> None:
    """Canary, then the rest one at a time; each judged; deploying again finds nothing to do; and back."""
    before = releases(rack)
    good = slower(rack, "good", USUAL_S + 0.001)
    rack.deploy = {"ratio_limit": LENIENT}
    rack.write()
    with traffic(rack):
        outcome, nodes = deployed(good.garnet("deploy", *WATCH))
        assert outcome == "done"
        assert [node["role"] for node in nodes.values()] == ["canary", "roll", "roll"]
        for node in nodes.values():
            assert (node["outcome"], node["verdict"]["verdict"]) == ("confirmed", "pass"), node
            assert node["before_p95_ms"][MODEL] > USUAL_S * 1000
        assert len(set(releases(rack).values())) == 1
        assert releases(rack) != before
        assert json.loads(good.garnet("deploy", *WATCH).stdout)["changes"] == []
        history = json.loads(good.garnet("deploy", "history", "--json").stdout)
        assert history[0]["outcome"] == "confirmed"
        assert good.garnet("deploy", "rollback", "--yes").stdout
        assert releases(rack) == before
    rack.deploy = {}
    rack.write()
    at_rest(rack)


def test_a_release_that_adds_40_percent_is_taken_back_from_the_canary(rack: Rack) -> None:
    """The other nodes never had it."""
    before = releases(rack)
    slow = slower(rack, "slow", USUAL_S * 1.4 + 0.05)
    with traffic(rack):
        done = slow.garnet("deploy", "--canary", "two", *WATCH, code=3)
        outcome, nodes = deployed(done)
        assert outcome == "reverted"
        assert {name: node["outcome"] for name, node in nodes.items()} == {
            "two": "reverted",
            "one": "untouched",
            "three": "untouched",
        }
        assert nodes["two"]["after_p95_ms"][MODEL] > 1.15 * nodes["two"]["before_p95_ms"][MODEL]
    assert releases(rack) == before
    assert had(rack, json.loads(done.stdout)["release"]) == ["two"]
    at_rest(rack)


def test_a_release_bad_on_the_third_node_only_is_taken_back_everywhere(rack: Rack) -> None:
    """There and everywhere it had gone."""
    before = releases(rack)
    slow = slower(rack, "third", USUAL_S * 2, node="three")
    with traffic(rack):
        done = slow.garnet("deploy", "--canary", "one", *WATCH, code=3)
        outcome, nodes = deployed(done)
        assert outcome == "reverted"
        assert [node["outcome"] for node in nodes.values()] == ["reverted"] * 3
        assert "three" in json.loads(done.stdout)["reason"]
    assert releases(rack) == before
    at_rest(rack)


def test_a_broken_environment_changes_nothing(rack: Rack) -> None:
    """It fails before the first node is touched, and names the node."""
    before = releases(rack)
    broken = broken_environment(rack)
    with traffic(rack):
        done = broken.garnet("deploy", *WATCH, code=1)
        assert any(name in done.stderr for name in NAMES)
    assert releases(rack) == before
    at_rest(rack)


def broken_environment(rack: Rack) -> Program:
    """Return a program that requires a package which does not exist."""
    wanted = "no-such-package-of-garnet==9.9.9 --hash=sha256:" + "0" * 64
    return program(rack, "environment", {"node_scripts/requirements.lock": ("", f"\n{wanted}\n")})


def test_a_failing_health_check_is_taken_back(rack: Rack) -> None:
    """A proxy whose new release does not start: the node serves on by the old one."""
    before = releases(rack)
    broken = program(rack, "health", {"node_scripts/proxy/__main__.py": ("", "\nraise SystemExit(3)\n")})
    text = (broken.folder / "node_scripts/proxy/__main__.py").read_text()
    (broken.folder / "node_scripts/proxy/__main__.py").write_text("raise SystemExit(3)\n" + text)
    with traffic(rack):
        outcome, nodes = deployed(broken.garnet("deploy", *WATCH, code=3))
        assert outcome == "reverted"
        assert sorted(node["outcome"] for node in nodes.values()) == ["reverted", "untouched", "untouched"]
    assert releases(rack) == before
    at_rest(rack)


def test_a_loader_that_crashes_after_a_while_is_taken_back(rack: Rack) -> None:
    """It answers its test prompts and takes the traffic first; its requests in flight go elsewhere."""
    before = releases(rack)
    timer = "import threading as _t, os as _o\n_t.Timer(20, lambda: _o._exit(70)).start()\n"
    first = "from __future__ import annotations\n"
    crashing = program(rack, "crash", {"node_scripts/loader.py": (first, first + timer)})
    with traffic(rack):
        outcome, nodes = deployed(
            crashing.garnet("deploy", "--yes", "--json", "--watch", "60", "--canary", "one", code=3)
        )
        assert outcome == "reverted"
        assert nodes["one"]["outcome"] == "reverted"
        assert nodes["two"]["outcome"] == "untouched"
        assert "loader of tiny" in nodes["one"]["verdict"]["sentence"]
    assert releases(rack) == before
    at_rest(rack)


def test_a_comment_is_no_change_of_what_loaders_run(rack: Rack) -> None:
    """`garnet deploy plan` tells the three kinds apart, and changes nothing."""
    before = releases(rack)
    other = program(rack, "plan", {"node_scripts/proxy/app.py": ("", COMMENT)})
    plan = json.loads(other.garnet("deploy", "plan", "--json").stdout)
    assert {change["plan"] for change in plan["changes"]} == {"release"}
    assert plan["nodes"] == list(NAMES)
    assert releases(rack) == before
