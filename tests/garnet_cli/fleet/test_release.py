"""What a loader's runtime depends on: all that a loader imports, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

from garnet_cli.fleet.release import LOCK, Release, build, loader_runs_on

IMPORTED = """
import json, sys
import node_scripts.loader
own = [module for name, module in sys.modules.items() if name.startswith("node_scripts")]
files = [getattr(module, "__file__", None) for module in own]
print(json.dumps([file.rpartition("/node_scripts/")[2] for file in files if file]))
"""


def test_a_runtime_is_made_of_what_a_loader_imports_and_its_lock() -> None:
    """A file more would swap every loader for nothing, one less would leave an old one running."""
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, check=True, text=True)
    imported = {f"node_scripts/{name}" for name in json.loads(done.stdout)}
    assert {path for path in build().files if loader_runs_on(path)} == imported | {LOCK}


def test_telemetry_may_change_without_a_swap() -> None:
    """Records and contracts are no part of a loader; what it says of itself is."""
    release = build()
    before = release.runtime("e", 8192, 8)
    for path, same in (
        ("node_scripts/records.py", True),
        ("node_scripts/contracts.py", True),
        ("node_scripts/loader_stats.py", False),
        (LOCK, False),
    ):
        changed = Release({**release.files, path: release.files[path] + b"#"})
        assert (changed.runtime("e", 8192, 8) == before) is same, path


def test_a_cache_of_its_own_size_is_part_of_a_runtime() -> None:
    """So that `up` swaps the loader; a model without one keeps the runtime that it has."""
    release = build()
    runtimes = {
        release.runtime("e", 8192, 8),
        release.runtime("e", 8192, 8, 1),
        release.runtime("e", 8192, 8, 2),
    }
    assert len(runtimes) == 3
    assert release.runtime("e", 8192, 8, None) == release.runtime("e", 8192, 8)
