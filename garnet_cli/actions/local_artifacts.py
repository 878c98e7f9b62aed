"""What this machine knows of models' files without asking a node: their size and the shape of their cache."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.source import ModelSource
from garnet_cli.judge.memory import ArtifactSize


def local_artifacts(inventory: Inventory, environ: Mapping[str, str]) -> dict[str, ArtifactSize]:
    """Return the sizes of the models whose files are on this machine, by served name.

    A folder source is here; a repository's revision is where huggingface_hub's cache holds it whole
    (``HF_HUB_CACHE``, ``HF_HOME`` or its default place). Files that cannot be read count as not here.
    """
    found = {}
    for model in inventory.models:
        folder = _folder(model.source, environ)
        size = folder and _size(folder)
        if size:
            found[model.name] = size
    return found


def _folder(source: ModelSource, environ: Mapping[str, str]) -> Path | None:
    if source.path is not None:
        return source.path
    home = environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    cache = Path(environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    repository = (source.repository or "").replace("/", "--")
    return cache / f"models--{repository}" / "snapshots" / (source.revision or "")


def _size(folder: Path) -> ArtifactSize | None:
    """Return what the memory check counts: all bytes of the folder, as on a node."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        weights = _bytes(folder)
    except (OSError, ValueError):
        return None
    if not isinstance(config, dict) or not weights:
        return None
    return ArtifactSize(weight_bytes=weights, config=config)


def _bytes(folder: Path) -> int:
    """Return the bytes of all files, once all shards that an index names are there; else 0."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        shards = set(json.loads(index.read_bytes()).get("weight_map", {}).values())
        if not all((folder / shard).is_file() for shard in shards):
            return 0
    elif not any(folder.glob("*.safetensors")):
        return 0
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum((Path(parent) / name).stat().st_size for name in names if not name.startswith("."))
    return total
