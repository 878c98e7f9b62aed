"""What the plan of `up` says of the monitor's files and secrets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from garnet_cli.actions.provision import encode_configuration
from garnet_cli.actions.survey import FleetSurvey, survey
from garnet_cli.fleet.facts import NodeFacts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_contracts import monitor_config
from garnet_cli.fleet.inventory_file import parse_inventory
from garnet_cli.fleet.release import Release
from garnet_cli.fleet.secrets_file import OperatorSecrets
from node_scripts.agent.monitor import fingerprint
from node_scripts.monitor.config import AlertSettings, MonitorConfig
from node_scripts.store.objects import StoreAddress
from tests.garnet_cli.judge.test_difference import facts

TEXT = """\
[fleet]
name = "f"
store = "s3://bucket/f"
[[nodes]]
name = "one"
host = "h"
root = "/g"
power_meter = "tasmota://plug"
[[nodes]]
name = "two"
host = "i"
root = "/g"
[models.llama]
source = "org/llama@7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"
nodes = "all"
latency_p95_ms = 500
[telemetry]
endpoint = "https://r2.example.com"
spool_limit_mb = 2
clock_server = "ntp.example.com"
[alerts]
disk_free_pct = 20
"""
RELEASE = Release(files={"node_scripts/__init__.py": b"", "node_scripts/requirements.lock": b""})
CANARY = "canary-7f0dc925"


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Return TEXT as an inventory."""
    return parse_inventory(TEXT.encode(), tmp_path / "fleet.toml")


def looked(inventory: Inventory, told: dict[str, str], **nodes: NodeFacts) -> FleetSurvey:
    """Return the survey of nodes without models, by an operator that has the secrets ``told``."""
    bare = parse_inventory(TEXT[: TEXT.index("[models")].encode(), inventory.path)
    return survey(bare, nodes, RELEASE, {}, OperatorSecrets(told=told, salt="s"))


def of_monitor(fleet: FleetSurvey, node: str) -> list[tuple[str, str]]:
    """Return subject and detail of what would change in a node's monitor files."""
    return [
        (change.subject, change.detail)
        for change in fleet.nodes[node].changes
        if change.kind == "configuration" and change.subject.startswith("monitor")
    ]


def test_a_monitor_is_told_all_that_the_inventory_says(inventory: Inventory) -> None:
    """And reads back what was written."""
    config = monitor_config(inventory, inventory.node("one"))
    assert config == MonitorConfig(
        fleet="f",
        node="one",
        nodes=["one", "two"],
        store=StoreAddress(url="s3://bucket/f", endpoint="https://r2.example.com", region="auto"),
        spool_limit_bytes=2 * 1024 * 1024,
        power_meter="tasmota://plug",
        clock_server="ntp.example.com",
        alerts=AlertSettings(disk_free_pct=20.0, model_latency_p95_ms={"llama": 500.0}),
    )
    assert msgspec.json.decode(encode_configuration(config), type=MonitorConfig) == config


def test_a_node_whose_files_are_right_has_no_difference(inventory: Inventory) -> None:
    """By digest and by salted fingerprint."""
    bare = parse_inventory(TEXT[: TEXT.index("[models")].encode(), inventory.path)
    content = encode_configuration(monitor_config(bare, bare.node("one")))
    right = facts(
        monitor_sha256=hashlib.sha256(content).hexdigest(),
        monitor_secrets={"GARNET_ROUTE_ALERTS": fingerprint("s", CANARY)},
    )
    told = {"GARNET_ROUTE_ALERTS": CANARY}
    assert of_monitor(looked(inventory, told, one=right), "one") == []
    other = looked(inventory, {"GARNET_ROUTE_ALERTS": CANARY + "x"}, one=right)
    assert of_monitor(other, "one") == [("monitor.env", "GARNET_ROUTE_ALERTS")]


def test_the_plan_says_what_secrets_stay_and_which_are_nowhere(inventory: Inventory) -> None:
    """Names only."""
    has = facts(monitor_secrets={"GARNET_STORE_ACCESS_KEY_ID": "x", "GARNET_ROUTE_ALERTS": "y"})
    lacks = facts(monitor_secrets={})
    fleet = looked(inventory, {"GARNET_STORE_SECRET_ACCESS_KEY": CANARY}, one=has, two=lacks)
    nowhere = (
        "GARNET_STORE_ACCESS_KEY_ID is known neither here nor on two: unless these have AWS keys of their"
        " own, minutes wait there until it is given, by the environment or the file that secrets of"
        " [telemetry] names"
    )
    assert fleet.notes == [
        "GARNET_STORE_ACCESS_KEY_ID is not known here: left as it is on one",
        "GARNET_ROUTE_ALERTS is not known here: left as it is on one",
        nowhere,
    ]
    assert CANARY not in str((fleet.notes, fleet.changes))
    everything = {"GARNET_STORE_ACCESS_KEY_ID": "a", "GARNET_STORE_SECRET_ACCESS_KEY": "b"}
    assert looked(inventory, everything, two=lacks).notes == []


def test_the_operators_secrets_are_in_no_text(inventory: Inventory) -> None:
    """Not even where a whole survey is printed."""
    secrets = OperatorSecrets(told={"GARNET_ROUTE_ALERTS": CANARY}, salt="s")
    fleet = looked(inventory, {"GARNET_ROUTE_ALERTS": CANARY}, one=facts())
    assert CANARY not in repr((secrets, fleet))
