"""Secrets: where they come from, what is refused, and that no message repeats one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from garnet_cli.errors import UsageError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import parse_inventory
from garnet_cli.fleet.secrets_file import parse_secrets, read_secrets, told_secrets

FLEET = b'[fleet]\nname = "f"\n[[nodes]]\nname = "a"\nhost = "h"\nroot = "/srv/g"\n'
CANARY = "canary-7f0dc925"


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Return an inventory that names a file of secrets, which is not there yet."""
    found = parse_inventory(FLEET, tmp_path / "fleet.toml")
    return replace(found, telemetry=replace(found.telemetry, secrets=tmp_path / "secrets.env"))


def write(inventory: Inventory, text: str, mode: int = 0o600) -> Path:
    """Write the file of secrets."""
    path = inventory.telemetry.secrets
    assert path is not None
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_wins_over_the_file(inventory: Inventory) -> None:
    """A variable set to nothing counts as not set; other variables are not looked at."""
    write(inventory, "GARNET_ROUTE_ALERTS=json://file\nGARNET_STORE_ACCESS_KEY_ID=file\n")
    environ = {"GARNET_STORE_ACCESS_KEY_ID": "mine", "GARNET_ROUTE_ALERTS": "", "HOME": "/root"}
    expected = {"GARNET_STORE_ACCESS_KEY_ID": "mine", "GARNET_ROUTE_ALERTS": "json://file"}
    assert list(read_secrets(inventory, environ).items()) == list(expected.items())


def test_what_the_file_sets_to_nothing_is_to_be_taken_away(inventory: Inventory) -> None:
    """To use it is to have none; to write it is to remove it."""
    write(inventory, "GARNET_ROUTE_ALERTS=\n")
    assert read_secrets(inventory, {}) == {}
    assert told_secrets(inventory, {}) == {"GARNET_ROUTE_ALERTS": ""}


def test_without_a_file_the_environment_is_all(inventory: Inventory) -> None:
    """A CI job needs no file."""
    inventory = replace(inventory, telemetry=replace(inventory.telemetry, secrets=None))
    assert read_secrets(inventory, {}) == {}
    assert read_secrets(inventory, {"GARNET_ROUTE_THERMAL": "a b"}) == {"GARNET_ROUTE_THERMAL": "a b"}


def test_comments_blank_lines_quotes_and_export_are_understood(inventory: Inventory) -> None:
    """The file may be one that a shell can read, too."""
    path = write(
        inventory, "\ufeff# keys\n\nexport GARNET_STORE_ACCESS_KEY_ID = 'a=b'\nGARNET_ROUTE_ALERTS=\"x y\"\n"
    )
    assert parse_secrets(path.read_text("utf-8-sig"), path) == {
        "GARNET_STORE_ACCESS_KEY_ID": "a=b",
        "GARNET_ROUTE_ALERTS": "x y",
    }


def test_every_mistake_is_told_with_its_line_and_without_its_value(inventory: Inventory) -> None:
    """What stands in the file may be a secret even where it is wrong."""
    path = write(
        inventory,
        f"GARNET_STORE_ACCES_KEY_ID={CANARY}\n{CANARY}\nGARNET_ROUTE_ALERTS=a\nGARNET_ROUTE_ALERTS={CANARY}\n",
    )
    with pytest.raises(UsageError) as caught:
        read_secrets(inventory, {})
    hint = 'did you mean "GARNET_STORE_ACCESS_KEY_ID"?'
    assert caught.value.message.splitlines() == [
        f'{path}:1: "GARNET_STORE_ACCES_KEY_ID" is no secret of a fleet; {hint}',
        f"{path}:2: is not of the form NAME=value",
        f"{path}:4: GARNET_ROUTE_ALERTS is set twice, expected each name once",
    ]
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_file_that_others_can_use_is_refused_with_the_remedy(inventory: Inventory, mode: int) -> None:
    """Its secrets may be out already."""
    path = write(inventory, "GARNET_ROUTE_ALERTS=a\n", mode)
    with pytest.raises(UsageError, match=rf"others than you can use it \(mode 0{mode:o}\)") as caught:
        read_secrets(inventory, {})
    assert f"chmod 600 {path}" in str(caught.value)


def test_a_missing_file_a_folder_and_bytes_are_one_line_each(inventory: Inventory) -> None:
    """No traceback for what a person named."""
    path = inventory.telemetry.secrets
    assert path is not None
    with pytest.raises(UsageError, match="no such file, named by secrets of"):
        read_secrets(inventory, {})
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        read_secrets(inventory, {})
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="is no file of secrets"):
        read_secrets(inventory, {})


def test_a_value_of_several_lines_is_refused(inventory: Inventory) -> None:
    """It would end as other variables on the nodes."""
    inventory = replace(inventory, telemetry=replace(inventory.telemetry, secrets=None))
    with pytest.raises(UsageError, match="GARNET_ROUTE_ALERTS holds a control character"):
        read_secrets(inventory, {"GARNET_ROUTE_ALERTS": "a\nb"})
