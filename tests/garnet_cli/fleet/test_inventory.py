"""Loading: defaults, resolved paths, lookups, and that no input raises anything but InventoryError."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garnet_cli.errors import InventoryError, UsageError
from garnet_cli.fleet.inventory import Inventory, ReferencePrice, TelemetrySettings
from garnet_cli.fleet.inventory_contracts import fleet_config, node_target
from garnet_cli.fleet.inventory_file import load_inventory, parse_inventory
from garnet_cli.fleet.inventory_rules import warnings
from garnet_cli.fleet.inventory_schema import TABLES
from garnet_cli.fleet.node import Jump
from node_scripts.contracts import ModelConfig, PeerConfig
from node_scripts.monitor.config import AlertSettings

COMMIT = "7F0DC925e0d0afb0322d96f9255cfddf2ba5636e"
WHOLE = f"""\
[fleet]
name = "office"
store = "telemetry"
python = "/opt/python3.12"

[[nodes]]
name = "mini-1"
host = "10.0.0.1"
root = "/srv/garnet/"
identity_file = "keys/id"

[[nodes]]
name = "here"
transport = "local"
root = "one"
listen = "127.0.0.1:8081"
python = "/usr/bin/python3"

[models.llama]
source = "org/llama@{COMMIT}"
nodes = "all"

[models."tiny.2"]
source = "./tiny"
nodes = ["here"]
context = 2048
latency_p95_ms = 250
reference = "big.1"

[proxy]
listen = "[::]:9090"
max_body_mb = 0.5

[telemetry]
secrets = "secrets.env"

[alerts]
latency_p95_ms = 1500

[costs]
tariff_per_kwh = 0.4
currency = "EUR"
usd_per_currency = 1.25
residual_pct = 20

[costs.reference."big.1"]
prompt_usd_per_million = 2.5
completion_usd_per_million = 10
date = 2026-11-01
source = "https://example.com/prices"
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Return WHOLE, loaded from a folder that holds its model."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    (tmp_path / "fleet.toml").write_text(WHOLE)
    return load_inventory(tmp_path / "fleet.toml")


def test_paths_of_this_machine_start_from_the_inventory(inventory: Inventory, tmp_path: Path) -> None:
    """Store, known_hosts, identity files, local roots and folder sources are absolute."""
    assert inventory.fleet.store == str(tmp_path / "telemetry")
    assert inventory.fleet.known_hosts == tmp_path / "known_hosts"
    assert inventory.node("mini-1").identity_file == tmp_path / "keys" / "id"
    assert inventory.node("here").root == str(tmp_path / "one")
    assert inventory.model("tiny.2").source.path == tmp_path / "tiny"


def test_defaults_come_from_transport_fleet_and_proxy(inventory: Inventory) -> None:
    """What a node leaves out is filled in."""
    mini, here = inventory.nodes
    assert (mini.port, mini.address, mini.boot, mini.python) == (22, "10.0.0.1", True, "/opt/python3.12")
    assert (here.address, here.boot, here.python) == ("127.0.0.1", False, "/usr/bin/python3")
    assert (mini.listen_host, mini.listen_port) == ("::", 9090)
    assert (here.listen_host, here.listen_port) == ("127.0.0.1", 8081)
    assert mini.user is None
    assert mini.environments is None


def test_root_ends_in_no_slash(inventory: Inventory) -> None:
    """Roots are joined with names below them and compared with each other."""
    assert inventory.node("mini-1").root == "/srv/garnet"


def test_repository_source_keeps_text_and_lowers_the_commit(inventory: Inventory) -> None:
    """A commit has one spelling; people see theirs."""
    source = inventory.model("llama").source
    assert (source.repository, source.revision) == ("org/llama", COMMIT.lower())
    assert source.text == f"org/llama@{COMMIT}"


def test_models_on_a_node_include_those_on_all(inventory: Inventory) -> None:
    """A model on "all" is on each by name."""
    assert [model.name for model in inventory.models_on("here")] == ["llama", "tiny.2"]
    assert [model.name for model in inventory.models_on("mini-1")] == ["llama"]


def test_unknown_names_are_usage_errors_with_a_hint(inventory: Inventory) -> None:
    """A mistyped node or model is told with the nearest."""
    with pytest.raises(UsageError, match=r'no node "mimi-1" in .*; did you mean "mini-1"\?'):
        inventory.node("mimi-1")
    with pytest.raises(UsageError, match=r'no model "zzz" in .*; it has llama, tiny\.2'):
        inventory.model("zzz")


def test_select_keeps_the_order_of_the_inventory(inventory: Inventory) -> None:
    """The order of arguments does not matter."""
    assert [node.name for node in inventory.select(["here", "mini-1"])] == ["mini-1", "here"]
    assert inventory.select([]) == inventory.nodes


def test_fleet_config_names_the_others_as_peers(inventory: Inventory) -> None:
    """A node's fleet.json has its own listener, the others' addresses, and all models."""
    config = fleet_config(inventory, inventory.node("here"))
    assert config.peers == [PeerConfig(name="mini-1", host="10.0.0.1", port=9090)]
    assert (config.proxy.listen_host, config.proxy.listen_port) == ("127.0.0.1", 8081)
    assert config.proxy.max_body_bytes == 512 * 1024
    assert config.models[1] == ModelConfig(name="tiny.2", nodes=["here"], concurrency=8, context=2048)


def test_node_target_says_how_to_reach_a_node(tmp_path: Path) -> None:
    """Jump hosts are taken apart; their port defaults to SSH's."""
    text = WHOLE[: WHOLE.index('[[nodes]]\nname = "here"')] + 'jump = "ops@bastion"\n'
    inventory = parse_inventory(text.encode(), tmp_path / "fleet.toml")
    target = node_target(inventory, inventory.node("mini-1"))
    assert (target.host, target.port, target.root) == ("10.0.0.1", 22, "/srv/garnet")
    assert target.identity_file == tmp_path / "keys" / "id"
    assert target.jump == Jump(user="ops", host="bastion", port=22)


def test_warnings_name_idle_nodes_and_missing_models(tmp_path: Path) -> None:
    """What is allowed but likely not meant is told."""
    text = WHOLE[: WHOLE.index("[models.llama]")].replace('store = "telemetry"\n', "")
    found = warnings(parse_inventory(text.encode(), tmp_path / "fleet.toml"))
    assert found == [f"{tmp_path}/fleet.toml: no [models.NAME]: the fleet will serve nothing"]
    one = text + f'[models.x]\nsource = "org/x@{COMMIT}"\nnodes = ["here"]\n'
    found = warnings(parse_inventory(one.encode(), tmp_path / "fleet.toml"))
    assert found == [f"{tmp_path}/fleet.toml: no model on mini-1"]


def test_warnings_name_stores_meters_and_minutes_that_are_likely_not_meant(inventory: Inventory) -> None:
    """A path on SSH nodes is one on each; a meter for two nodes counts twice; short minutes are trials."""
    telemetry = replace(inventory.telemetry, minute_s=10)
    nodes = tuple(replace(node, power_meter="tasmota://plug") for node in inventory.nodes)
    found = warnings(replace(inventory, telemetry=telemetry, nodes=nodes))
    path = inventory.path
    store = (
        f"store is a path: mini-1 would each write to {path.parent}/telemetry on their own disk, and"
        " commands read that of this machine; name an s3:// store, or mount one folder there everywhere"
    )
    assert found == [
        f"{path}: {store}",
        f"{path}: minutes of 10 s (minute_s of [telemetry]) are for trials only",
        f"{path}: mini-1, here have one power_meter: what it measures counts for each of them",
    ]
    local = tuple(replace(node, transport="local") for node in inventory.nodes)
    assert warnings(replace(inventory, nodes=local)) == []


def test_costs_have_a_tariff_in_dollars_and_references_by_name(inventory: Inventory) -> None:
    """A cached token costs what a prompt token costs where the provider names no price for it."""
    assert inventory.costs.usd_per_kwh == 0.5
    assert (inventory.costs.life_months, inventory.costs.residual_pct) == (36, 20)
    assert inventory.model("tiny.2").reference == "big.1"
    assert inventory.costs.references["big.1"] == ReferencePrice(
        name="big.1",
        prompt_usd_per_million=2.5,
        cached_usd_per_million=2.5,
        completion_usd_per_million=10.0,
        date=date(2026, 11, 1),
        source="https://example.com/prices",
    )


def test_telemetry_and_alerts_have_the_defaults_of_their_settings(inventory: Inventory) -> None:
    """What is left out is as the node's own settings have it; paths of this machine are absolute."""
    telemetry = inventory.telemetry
    assert telemetry == TelemetrySettings(secrets=inventory.path.parent / "secrets.env")
    assert inventory.alerts == AlertSettings(latency_p95_ms=1500.0, model_latency_p95_ms={"tiny.2": 250.0})


def test_a_store_with_an_endpoint_has_the_region_auto(inventory: Inventory) -> None:
    """R2 and most other S3 servers take any region by that name; AWS does not."""
    text = WHOLE.replace('store = "telemetry"', 'store = "s3://bucket/office/"')
    text = text[: text.index("[models.llama]")] + '[telemetry]\nendpoint = "http://127.0.0.1:9000/"\n'
    found = parse_inventory(text.encode(), inventory.path)
    assert found.fleet.store == "s3://bucket/office"
    assert (found.telemetry.endpoint, found.telemetry.region) == ("http://127.0.0.1:9000", "auto")


def test_byte_order_mark_and_crlf_are_accepted(tmp_path: Path) -> None:
    """An inventory edited on Windows loads, and its lines are counted right."""
    text = '[fleet]\r\nname = "office"\r\n[[nodes]]\r\nname = "a"\r\nhost = "b"\r\nroot = "/srv/g"\r\n'
    inventory = parse_inventory(b"\xef\xbb\xbf" + text.encode(), tmp_path / "fleet.toml")
    assert inventory.nodes[0].host == "b"
    with pytest.raises(InventoryError, match=r"fleet\.toml:5: "):
        parse_inventory(text.replace('"b"', '"b c"').encode(), tmp_path / "fleet.toml")


def test_sixty_four_nodes_load(tmp_path: Path) -> None:
    """A large fleet is fine."""
    nodes = (f'[[nodes]]\nname = "n{i}"\nhost = "h{i}"\nroot = "/srv/g"\n' for i in range(64))
    inventory = parse_inventory(
        ('[fleet]\nname = "big"\n' + "".join(nodes)).encode(), tmp_path / "fleet.toml"
    )
    assert len(inventory.nodes) == 64


def toml_text(value: object) -> str:
    """Return ``value`` as TOML; texts are escaped whole."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    if isinstance(value, list):
        return "[ # c ]\n" + ", ".join(toml_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_text(key)} = {toml_text(item)}" for key, item in value.items()) + "}"
    return str(value)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["all", "ssh", "local", "~", "~nobody/x", "./x", "/" + "x" * 300, "a/b@c", "[::1]:1", "s3://", "\0", "..",
     "America", "h:99999999999999999999", "x" * 5000]
)  # fmt: skip
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
HEADERS = [header.replace("NAME", "x") for header in TABLES] + ["[nodes]", "[models]", "[x]"]
KEYS = st.sampled_from(sorted({key.name for keys in TABLES.values() for key in keys})) | TEXTS
DOCUMENTS = st.lists(
    st.tuples(st.sampled_from(HEADERS), st.dictionaries(KEYS, VALUES, max_size=4)), max_size=5
).map(
    lambda tables: "\n".join(
        header + "\n" + "\n".join(f"{toml_text(key)} = {toml_text(value)}" for key, value in table.items())
        for header, table in tables
    )
)


@settings(max_examples=300, deadline=None)
@given(content=st.binary() | st.text().map(str.encode) | DOCUMENTS.map(str.encode))
def test_no_content_raises_anything_but_inventory_error(content: bytes) -> None:
    """Whatever the file holds, the author gets a report."""
    with contextlib.suppress(InventoryError):
        parse_inventory(content, Path("/nonexistent/fleet.toml"))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), table=st.sampled_from([table for table in TABLES if table != "[models.NAME]"]))
def test_no_value_of_any_key_raises_anything_but_inventory_error(data: st.DataObject, table: str) -> None:
    """Also where the rest is right, so that the rules between tables run."""
    key = data.draw(st.sampled_from([key.name for key in TABLES[table]]))
    line = f"{key} = {toml_text(data.draw(VALUES))}\n"
    nodes = [f'name = "{name}"\nroot = "/{name}"\nhost = "h"\n' for name in ("a", "b")]
    parts = {"[fleet]": 'name = "f"\n', "[[nodes]]": nodes[0], "[proxy]": ""}
    parts |= {"[telemetry]": "", "[alerts]": "", "[costs]": "", "[deploy]": ""}
    if table == "[costs.reference.NAME]":
        prices = "prompt_usd_per_million = 1\ncompletion_usd_per_million = 2\n"
        parts[table] = prices + 'date = 2026-11-01\nsource = "s"\n'
    parts[table] = (
        "".join(part + "\n" for part in parts[table].splitlines() if not part.startswith(key)) + line
    )
    text = "".join(f"{header}\n{body}" for header, body in parts.items()) + "[[nodes]]\n" + nodes[1]
    with contextlib.suppress(InventoryError):
        parse_inventory(text.encode(), Path("/nonexistent/fleet.toml"))
