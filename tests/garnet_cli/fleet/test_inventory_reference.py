"""The key table, its page and the example say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from garnet_cli.fleet.inventory_file import parse_inventory
from garnet_cli.fleet.inventory_reference import example, markdown
from garnet_cli.fleet.inventory_schema import TABLES
from node_scripts.monitor.config import AlertSettings
from tests.conftest import ROOT


def test_page_is_current() -> None:
    """docs/inventory.md is what the key table gives."""
    assert (ROOT / "docs" / "inventory.md").read_text() == markdown()


def test_example_is_current() -> None:
    """inventory.example.toml is what the key table gives."""
    assert (ROOT / "inventory.example.toml").read_text() == example()


@pytest.mark.parametrize("table", TABLES)
def test_example_names_every_key_below_its_comment(table: str) -> None:
    """Every key appears, in its table, with a comment above it."""
    for key in TABLES[table]:
        assert re.search(rf"^# .*\n(# )?{key.name} = ", example(), re.MULTILINE), key.name


def test_example_loads_as_it_is() -> None:
    """Who copies it gets no mistake."""
    assert parse_inventory(example().encode(), Path("inventory.toml")).fleet.name == "office"


def test_example_loads_with_every_key_uncommented() -> None:
    """Each example value is a right one."""
    every = re.sub(r"^# (\w+ = )", r"\1", example(), flags=re.MULTILINE)
    assert (
        parse_inventory(every.encode(), Path("inventory.toml")).nodes[0].jump == "ops@bastion.example.com:22"
    )


def test_every_threshold_of_the_nodes_alerts_can_be_set() -> None:
    """A field that the monitor knows is a key of [alerts]; a model's own budget is a key of its table."""
    fields = set(AlertSettings.__dataclass_fields__)
    assert {key.name for key in TABLES["[alerts]"]} == fields - {"model_latency_p95_ms"}


def test_defaults_are_right_values() -> None:
    """A key left out gives what the key written with its default gives."""
    for keys in TABLES.values():
        for key in keys:
            if key.default is not None and not key.default_text:
                assert key.read(key.default) == key.default, key.name
