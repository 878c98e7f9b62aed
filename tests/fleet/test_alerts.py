"""`garnet alerts list` and `silence` on real agents, in folders of this machine."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from node_scripts.monitor.alerts.silences import SilenceFile
from tests.fleet.test_keys import INVENTORY
from tests.node_scripts.monitor.alerts.test_messages import ALERT

pytestmark = pytest.mark.fleet


@pytest.fixture
def garnet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a way to run `garnet alerts` on two local nodes."""
    inventory = tmp_path / "fleet.toml"
    inventory.write_text(INVENTORY)

    def ran(*arguments: str) -> tuple[int, str, str]:
        output = Output(stdout=sys.stdout, stderr=sys.stderr, environment={})
        code = run(["-i", str(inventory), "alerts", *arguments], output)
        streams = capsys.readouterr()
        return code, streams.out, streams.err

    return ran


def write_live(root: Path, *firing: Any, silences_error: str = "") -> None:
    """Have a node's monitor tell what fires."""
    (root / "run").mkdir(parents=True, exist_ok=True)
    live = {
        "time_unix": time.time(),
        "alerts": msgspec.to_builtins(firing),
        "silences_error": silences_error,
    }
    (root / "run" / "monitor.json").write_text(json.dumps(live))


def test_list_exits_with_one_while_something_fires_and_zero_when_it_is_silenced(
    garnet: Any, tmp_path: Path
) -> None:
    """Each alert with the node that told it; a monitor that does not run is told, too."""
    write_live(tmp_path / "one", ALERT)
    code, out, err = garnet("list")
    assert code == 1
    assert "no monitor runs on two" in err
    write_live(tmp_path / "two")
    code, out, err = garnet("list", "--json")
    assert (code, err.strip()) == (1, "1 firing: packed-throttle")
    [found] = json.loads(out)["alerts"]
    assert (found["told_by"], found["alert"]["rule"]) == ("one", "packed-throttle")
    write_live(tmp_path / "one", replace(ALERT, silenced="maintenance"))
    code, out, err = garnet("list")
    assert (code, err) == (0, "")
    assert "silenced: maintenance" in out


def test_list_warns_of_silences_that_are_not_in_force(garnet: Any, tmp_path: Path) -> None:
    """With the node, the file and what to do; --json has it, too."""
    write_live(tmp_path / "one", silences_error="/g/state/silences.json: damaged")
    write_live(tmp_path / "two")
    code, out, err = garnet("list", "--json")
    assert code == 0
    assert json.loads(out)["silences_errors"] == {"one": "/g/state/silences.json: damaged"}
    assert err.startswith("warning: one: nothing is silenced: /g/state/silences.json: damaged; remove")


def test_silence_reaches_every_node_is_listed_and_ends(garnet: Any, tmp_path: Path) -> None:
    """With its rule, node, end, reason and maker."""
    code, out, err = garnet(
        "silence", "disk", "--node", "two", "--for", "2h", "--reason", "cleaning", "--json"
    )
    assert code == 0, err
    [made] = json.loads(out)["silences"]
    files = [SilenceFile(tmp_path / name / "state" / "silences.json") for name in ("one", "two")]
    assert [[one.id for one in file.current()] for file in files] == [[made["id"]]] * 2
    assert "cleaning" in garnet("silence")[1]
    assert garnet("silence", "dsik", "--end")[0] == 2
    code, out, err = garnet("silence", "disk", "--end", "--json")
    assert (code, json.loads(out)) == (0, {"silences": []})
    assert all(one.until_unix <= time.time() for file in files for one in file.current())


def test_test_message_from_a_node_that_is_not_up_says_what_to_do(garnet: Any) -> None:
    """`garnet up` first."""
    code, _, err = garnet("test", "two")
    assert code == 1
    assert err.startswith("two: this node has no release yet; run `garnet up`")
