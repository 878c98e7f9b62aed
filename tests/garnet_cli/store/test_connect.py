"""Opening the store: what is said where nothing, or half of it, is configured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from garnet_cli.errors import GarnetError, UnreachableError, UsageError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import parse_inventory
from garnet_cli.store.connect import credentials, open_place, open_store, store_errors
from node_scripts.store.objects import StoreRefusedError, StoreUnreachableError

TEXT = """\
[fleet]
name = "office"
store = "/srv/store"

[[nodes]]
name = "here"
transport = "local"
root = "one"
"""
KEYS = {"GARNET_STORE_ACCESS_KEY_ID": "AK", "GARNET_STORE_SECRET_ACCESS_KEY": "hidden"}


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Return an inventory with a directory as store."""
    return parse_inventory(TEXT.encode(), tmp_path / "inventory.toml")


def with_store(inventory: Inventory, url: str | None) -> Inventory:
    """Return the inventory with another store."""
    return replace(inventory, fleet=replace(inventory.fleet, store=url))


def test_a_directory_needs_no_keys(inventory: Inventory) -> None:
    """Nor reaches for it yet."""
    assert repr(open_store(inventory, {})) == "/srv/store"


def test_without_a_store_it_says_what_to_write(inventory: Inventory) -> None:
    """Into which table of which file."""
    with pytest.raises(UsageError, match=r'names no store; write `store = "s3://bucket/prefix"`.*\[fleet\]'):
        open_store(with_store(inventory, None), {})


def test_half_a_key_pair_is_an_error_that_shows_no_secret() -> None:
    """A CI secret that was forgotten."""
    assert credentials({}) is None
    with pytest.raises(UsageError, match="GARNET_STORE_ACCESS_KEY_ID is not set") as raised:
        credentials({"GARNET_STORE_SECRET_ACCESS_KEY": "hidden"})
    assert "hidden" not in str(raised.value)


def test_a_bucket_opens_with_the_endpoint_and_keys_of_its_place(inventory: Inventory) -> None:
    """The inventory's own by name alone, another by option; neither shows the keys."""
    telemetry = replace(inventory.telemetry, endpoint="http://127.0.0.1:1")
    ours = replace(with_store(inventory, "s3://bucket/office"), telemetry=telemetry)
    assert repr(open_store(ours, KEYS)) == "http://127.0.0.1:1/bucket"
    assert repr(open_place("s3://bucket/office", ours, None, environ=KEYS)) == "http://127.0.0.1:1/bucket"
    other = open_place("s3://copy", ours, "http://127.0.0.1:2", environ=KEYS)
    assert repr(other) == "http://127.0.0.1:2/copy"


def test_a_store_s_errors_become_the_user_s() -> None:
    """Exit code 4 where it does not answer, 1 where it refuses; the remedy stays."""
    with pytest.raises(UnreachableError, match="store x; try later") as raised, store_errors():
        raise StoreUnreachableError("x", "try later")
    assert raised.value.exit_code == 4
    with pytest.raises(GarnetError, match="store y") as refused, store_errors():
        raise StoreRefusedError("y")
    assert refused.value.exit_code == 1
