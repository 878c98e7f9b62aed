"""Two nodes behind real sshd that are deployed to under traffic, and what their journals tell of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from garnet_cli.demo.traffic import Traffic
from node_scripts.agent.lease import current_lease
from tests.fleet.asking import proxy_status
from tests.fleet.conftest import ssh_lines
from tests.fleet.programs import COMMENT, Program, release_of, slower
from tests.fleet.rack import Rack, RackNode, eventually
from tests.fleet.sshd import Sshd, running

MODEL = "tiny"
GRACE_S = 2.0
USUAL_S = 0.05
"""What every release waits before it serves: a busy machine must not look like a slow release."""
LENIENT = 9.0
"""Ratio limit of deploys in which speed is not what is tested: the machine is shared and noisy."""
JUDGED = ("--json", "--watch", "10", "--roll-watch", "10")
"""Long enough for the traffic to judge by, also where a busy machine makes each answer take much longer."""
ENOUGH = 250
"""Answers by which both nodes' proxies know enough of them: with fewer, a deploy sends test prompts first."""
WATCH = ("--yes", *JUDGED, "--canary", "one")
Reached = Callable[[], bool]


@contextmanager
def two_nodes(folder: Path, model: Path) -> Iterator[tuple[Rack, dict[str, Sshd]]]:
    """Yield two nodes that serve one model by a release of steady speed, and the real sshd of each."""
    with running(folder / "sshd-one") as one, running(folder / "sshd-two") as two:
        servers: dict[str, Sshd] = {"one": one, "two": two}
        with Rack(list(servers), lambda name: ssh_lines(servers[name])) as rack:
            for server in servers.values():
                server.known_hosts(rack.folder / "known_hosts")
            rack.deploy = {"grace_s": GRACE_S, "hold_s": 600.0, "ratio_limit": LENIENT}
            rack.serve(MODEL, model)
            slower(rack, "usual", USUAL_S).garnet("up", "--yes")
            yield rack, servers


def good_release(rack: Rack) -> Program:
    """Return a good release whose proxy and loader both differ from those that run."""
    other = slower(rack, "other", USUAL_S)
    for path in ("node_scripts/proxy/app.py", "node_scripts/loader.py"):
        file = other.folder / path
        file.write_text(file.read_text() + COMMENT)
    return other


@contextmanager
def asked_all_the_time(rack: Rack) -> Iterator[Traffic]:
    """Ask both nodes all the time; in the end every answer must have come in full."""
    sent = Traffic([node.url for node in rack.nodes], MODEL, workers=4, max_tokens=(4, 8))
    sent.start()
    try:
        sent.wait_for(ENOUGH)
        yield sent
        sent.wait_for(len(sent.seen) + 20)
    finally:
        sent.stop()
    assert [one for one in sent.seen if one.outcome != "answered"] == []


def record(node: RackNode, name: str) -> dict[str, Any]:
    """Return a JSON file below ``state``; nothing without it."""
    try:
        found: dict[str, Any] = json.loads((node.root / "state" / name).read_text())
    except FileNotFoundError:
        return {}
    return found


def trial(node: RackNode) -> str:
    """Return the status of the node's trial; empty without one, or for one that never began."""
    found = record(node, "trial.json")
    return str(found["status"]) if found.get("armed") else ""


def swapped(node: RackNode, *steps: str) -> bool:
    """Say whether the node's swap has come to one of ``steps``."""
    return record(node, f"swap-{MODEL}.json").get("step") in steps


def held_by(node: RackNode, purpose: str) -> bool:
    """Say whether somebody holds the node's lease for ``purpose``."""
    lease = current_lease(node.root / "state" / "lease.json")
    return lease is not None and lease.purpose == purpose


def killed_when(operator: subprocess.Popen[bytes], reached: Reached, what: str) -> bool:
    """Kill -9 the operator's program once a stage is reached; say whether it was still running."""
    try:
        eventually(lambda: reached() or operator.poll() is not None, what)
        return operator.poll() is None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(operator.pid, signal.SIGKILL)
        operator.wait()


def back_by_themselves(rack: Rack, before: str) -> None:
    """Wait until no node tries anything, and both run what they ran before."""

    def quiet() -> bool:
        return all(
            trial(node) in {"", "reverted"}
            and proxy_status(node)["release"] == before == release_of(node.root)
            and not record(node, f"swap-{MODEL}.json")
            for node in rack.nodes
        )

    try:
        eventually(quiet, "the nodes have gone back by themselves")
    except AssertionError as error:
        trials = [record(node, "trial.json") for node in rack.nodes]
        raise AssertionError(f"{error}\n{trials}\n{rack.logs()}") from error
