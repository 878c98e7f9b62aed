"""Small models for tests, built once and cached."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "garnet_cli" / "demo"
GENERATORS = (DEMO / "tiny_model.py", DEMO / "byte_level.py")


def tiny_model(python: Path, cache: Path, *, seed: int, layers: int = 2, hidden: int = 64) -> Path:
    """Return the folder of a tiny model, built on the first call; safe beside other test runs.

    ``python`` is a node environment's. Models of different seeds answer differently. Each layer
    and each doubling of ``hidden`` makes the model slower (12 layers of 256 are several times
    slower than the default).
    """
    recipe = f"{layers} {hidden}\n" + "".join(path.read_text() for path in GENERATORS)
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
    folder = cache / "models" / f"tiny-{seed}-{digest}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".building-"))
    shape = ["--layers", str(layers), "--hidden", str(hidden)]
    command = [str(python), "-m", "garnet_cli.demo.tiny_model", str(building), "--seed", str(seed), *shape]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, env=environment, timeout=120)
    try:
        building.rename(folder)
    except OSError:
        # Another run was first: its model is the same, byte for byte.
        shutil.rmtree(building)
        if not folder.exists():
            raise
    return folder
