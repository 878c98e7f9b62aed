"""What is known of models' files without a node."""

from __future__ import annotations

import json
from pathlib import Path

from garnet_cli.actions.local_artifacts import local_artifacts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import parse_inventory

COMMIT = "0123456789" * 4
CONFIG = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}


def inventory(folder: Path) -> Inventory:
    """Return an inventory with one model of a folder and one of a repository."""
    text = (
        'fleet.name = "f"\n[[nodes]]\nname = "n1"\ntransport = "local"\nroot = "/srv/n1"\n'
        '[models.here]\nsource = "./model"\nnodes = "all"\n'
        f'[models.hub]\nsource = "org/repo@{COMMIT}"\nnodes = "all"\n'
    )
    return parse_inventory(text.encode(), folder / "inventory.toml")


def make(folder: Path, files: dict[str, int], config: object = CONFIG) -> None:
    """Write a model's folder with files of so many bytes."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name, size in files.items():
        (folder / name).write_bytes(bytes(size))


def test_a_folder_source_is_known_by_all_of_its_bytes(tmp_path: Path) -> None:
    """As a node counts them."""
    make(tmp_path / "model", {"model.safetensors": 1000, "tokenizer.json": 50, ".note": 7})
    found = local_artifacts(inventory(tmp_path), {"HF_HOME": str(tmp_path / "none")})
    assert set(found) == {"here"}
    assert found["here"].weight_bytes == 1050 + len(json.dumps(CONFIG))
    assert found["here"].config == CONFIG


def test_a_repository_is_known_where_the_hubs_cache_holds_all_shards(tmp_path: Path) -> None:
    """A fetch that is under way counts as not here."""
    make(tmp_path / "model", {"model.safetensors": 10})
    snapshot = tmp_path / "hub" / "models--org--repo" / "snapshots" / COMMIT
    make(snapshot, {"model-1.safetensors": 500})
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    environ = {"HF_HUB_CACHE": str(tmp_path / "hub")}
    assert set(local_artifacts(inventory(tmp_path), environ)) == {"here"}
    (snapshot / "model-2.safetensors").symlink_to(snapshot / "model-1.safetensors")
    found = local_artifacts(inventory(tmp_path), environ)["hub"]
    assert found.weight_bytes > 1000


def test_what_cannot_be_read_is_not_here(tmp_path: Path) -> None:
    """No weights, or a config that is none."""
    make(tmp_path / "model", {"notes.txt": 10})
    parsed = inventory(tmp_path)
    environ = {"HF_HOME": str(tmp_path)}
    assert local_artifacts(parsed, environ) == {}
    (tmp_path / "model" / "model.safetensors").write_bytes(b"x")
    (tmp_path / "model" / "config.json").write_text("[]")
    assert local_artifacts(parsed, environ) == {}
    (tmp_path / "model" / "config.json").write_text("{")
    assert local_artifacts(parsed, environ) == {}
