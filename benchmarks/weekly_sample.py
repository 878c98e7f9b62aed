"""Write docs/weekly-sample.md: the summary of a simulated fleet's week, by the real command.

Run as ``python -m benchmarks.weekly_sample``. The fleet has a throttling node, a poisoned prompt cache and a
node that shipped nothing for a day.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tests.simulated.spec import FleetSpec, Injected, ModelSpec, NodeSpec
from tests.simulated.store import simulate

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "docs" / "weekly-sample.md"
WEEK = "2026-W46"
NODES = ("mini-1", "mini-2", "mini-3", "mini-4")
SPEC = FleetSpec(
    begin=date(2026, 10, 26),
    days=21,
    fleet="sample",
    timezone="Europe/Berlin",
    nodes=tuple(NodeSpec(name=name) for name in NODES),
    models=(
        ModelSpec(name="llama-3.3-70b", nodes=("mini-1", "mini-2")),
        ModelSpec(name="qwen3-32b", nodes=("mini-3", "mini-4"), requests_per_minute=20.0),
        ModelSpec(name="gemma-3-27b", nodes=("mini-2", "mini-3"), requests_per_minute=3.0),
    ),
    injected=(
        Injected(kind="throttling", node="mini-2", begin_day=14.0, strength=0.1),
        Injected(kind="poisoned_cache", model="llama-3.3-70b", node="mini-1", begin_day=14.0),
        Injected(kind="missing_minutes", node="mini-4", begin_day=18.0, end_day=19.0),
    ),
)
NODE = '[[nodes]]\nname = "{name}"\nhost = "{name}.example"\nroot = "/Users/garnet/garnet"\nmemory_gb = 64'
MODEL = '[models."{name}"]\nsource = "mlx-community/{name}@{revision}"\nnodes = [{nodes}]\ncontext = 8192'
API = """\
[costs.reference.api]
prompt_usd_per_million = 0.59
cached_usd_per_million = 0.30
completion_usd_per_million = 0.79
date = 2026-11-01
source = "made up for the sample"
"""


def inventory(store: Path) -> str:
    """Return the inventory of the simulated fleet."""
    parts = [f'[fleet]\nname = "{SPEC.fleet}"\nstore = "{store}"\ntimezone = "{SPEC.timezone}"']
    parts += [f"{NODE.format(name=name)}\nprice_usd = 4799" for name in NODES]
    for model in SPEC.models:
        nodes = ", ".join(f'"{name}"' for name in model.nodes)
        table = MODEL.format(name=model.name, revision="0" * 40, nodes=nodes)
        parts.append(f'{table}\nreference = "api"' if model.name.startswith("llama") else table)
    return "\n".join([*parts, "[costs]\noverhead_usd_per_month = 40", API])


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate, run `garnet weekly`, and keep its summary."""
    if argv:
        raise SystemExit("no arguments")
    with tempfile.TemporaryDirectory(prefix="garnet-sample-") as name:
        folder = Path(name)
        (folder / "store").mkdir()
        simulate(SPEC, folder / "store")
        (folder / "inventory.toml").write_text(inventory(folder / "store"))
        command = [str(ROOT / ".venv" / "bin" / "garnet"), "-i", str(folder / "inventory.toml")]
        subprocess.run(
            [*command, "weekly", "--week", WEEK, "--no-send", "--out", str(folder / "out")],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "GARNET_CACHE": str(folder / "cache")},
        )
        SAMPLE.write_bytes((folder / "out" / WEEK / "summary.md").read_bytes())
    sys.stdout.write(f"wrote {SAMPLE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
