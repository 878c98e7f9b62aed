"""What `garnet check` says of the store, and what keeps `garnet up` from beginning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from garnet_cli.actions.check import require_possible, store_checks
from garnet_cli.errors import FleetError
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import parse_inventory
from node_scripts.artifacts import ManifestEntry
from node_scripts.store import open as opening
from node_scripts.store.objects import (
    Credentials,
    ObjectInfo,
    StoreError,
    StoreRefusedError,
    StoreUnreachableError,
)
from tests.garnet_cli.judge.test_difference import facts

KEYS = {"GARNET_STORE_ACCESS_KEY_ID": "id", "GARNET_STORE_SECRET_ACCESS_KEY": "canary-secret"}


def inventory(folder: Path, store: str | None) -> Inventory:
    """Return a fleet with or without a store."""
    line = f'store = "{store}"\n' if store else ""
    text = f'[fleet]\nname = "f"\n{line}[[nodes]]\nname = "a"\nhost = "h"\nroot = "/g"\n'
    return parse_inventory(text.encode(), folder / "fleet.toml")


class Failing:
    """A store that fails as told."""

    def __init__(self, error: StoreError) -> None:
        """Fail with ``error``."""
        self.error = error

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Fail."""
        raise self.error


def test_a_fleet_without_a_store_has_no_row(tmp_path: Path) -> None:
    """Nothing was asked for."""
    assert store_checks(inventory(tmp_path, None), {}) == []


def test_a_folder_that_is_there_is_reachable(tmp_path: Path) -> None:
    """With what it holds of this fleet; one that is not there fails."""
    store = tmp_path / "store"
    (row,) = store_checks(inventory(tmp_path, "store"), {})
    assert (row.node, row.name, row.verdict) == ("store", "reachable", "failed")
    store.mkdir()
    (row,) = store_checks(inventory(tmp_path, "store"), {})
    assert (row.verdict, row.detail) == ("ok", f"{store}: nothing of this fleet yet")
    (store / "fleets" / "f").mkdir(parents=True)
    (store / "fleets" / "f" / "x.json").write_text("{}")
    (row,) = store_checks(inventory(tmp_path, "store"), {})
    assert row.detail == f"{store}: holds this fleet"


@pytest.mark.parametrize(
    ("error", "environ", "expected"),
    [
        (StoreUnreachableError("away", "look"), KEYS, ("reachable", "away", "look")),
        (StoreRefusedError("no", "check the keys"), KEYS, ("allowed", "no", "check the keys")),
        (
            StoreRefusedError("no keys"),
            {},
            (
                "allowed",
                "no keys",
                f"set {' and '.join(KEYS)}, or name a file with secrets of [telemetry]",
            ),
        ),
    ],
)
def test_a_store_that_fails_is_a_row_with_a_remedy(
    error: StoreError,
    environ: dict[str, str],
    expected: tuple[str, str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that does not answer is told from one that refuses; keys are not repeated."""
    given: list[Credentials | None] = []

    def open_failing(_address: object, credentials: Credentials | None) -> Failing:
        given.append(credentials)
        return Failing(error)

    monkeypatch.setattr(opening, "open_object_store", open_failing)
    (row,) = store_checks(inventory(tmp_path, "s3://bucket"), environ)
    assert (row.node, row.verdict, (row.name, row.detail, row.remedy)) == ("store", "failed", expected)
    assert given == [Credentials(*KEYS.values()) if environ else None]
    assert "canary" not in str(row)


def test_up_does_not_begin_where_it_could_not_end(tmp_path: Path) -> None:
    """One line a failure, with its remedy; only of nodes that would change."""
    nodes = '[[nodes]]\nname = "one"\nhost = "h"\nroot = "/g"\nchip = "M2"\n'
    nodes += '[[nodes]]\nname = "two"\nhost = "i"\nroot = "/g"\n'
    text = f'[fleet]\nname = "f"\n{nodes}[models.m]\nsource = "org/m@{"0" * 40}"\nnodes = "all"\n'
    fleet = parse_inventory(text.encode(), tmp_path / "fleet.toml")
    manifest: dict[str, ManifestEntry] = {"model.safetensors": {"bytes": 3 * 2**30, "sha256": "0" * 64}}
    artifacts = {"m": Artifact(identifier="new", source="./m", manifest=manifest)}
    looked = {"one": facts(listen_state="taken"), "two": facts(disk_free_bytes=4 * 2**30)}
    require_possible(fleet, looked, artifacts, ["two"])
    with pytest.raises(FleetError) as caught:
        require_possible(fleet, looked, artifacts, ["one", "two"])
    assert [(error.node, error.message) for error in caught.value.errors] == [
        ("one", "disk: 0.0 GiB free, 3.0 GiB needed"),
        ("one", "chip: Apple M4 Pro; the inventory says M2"),
        ("one", "port: 0.0.0.0:8080 is taken by something else"),
    ]
    assert all(error.remedy for error in caught.value.errors)
    assert caught.value.exit_code == 1
