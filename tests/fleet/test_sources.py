"""Where artifacts and requirements come from: a hub, pushed files, pushed wheels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CACHE, ROOT
from tests.fleet.rack import Rack
from tests.node_scripts.fake_hub import COMMIT, FakeHub, fake_hub

pytestmark = pytest.mark.fleet

LOCK = ROOT / "node_scripts" / "requirements.lock"


def hub_of(folder: Path) -> FakeHub:
    """Return a hub that holds the model in ``folder``."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return FakeHub("team/tiny", files, large={name for name in files if name.endswith(".safetensors")})


def test_a_node_fetches_a_hub_model_at_its_commit_and_serves_it(tiny_model_a: Path) -> None:
    """The operator's machine pushes nothing; a second `up` fetches nothing again."""
    with fake_hub(hub_of(tiny_model_a)) as hub, Rack(["one"]) as rack:
        rack.models["tiny"] = {"source": f"team/tiny@{COMMIT}", "nodes": "all", "context": 4096}
        rack.write()
        first = rack.up("--hub-endpoint", hub.endpoint)
        assert "fetching team/tiny" in first.stderr
        downloads = len(hub.served)
        assert downloads >= len(hub.files)
        assert rack.garnet("chat", "hello", "--max-tokens", "4").stdout.strip()
        assert "nothing to do" in rack.up("--hub-endpoint", hub.endpoint).stdout
        assert len(hub.served) == downloads


def test_a_commit_that_the_hub_lacks_is_one_clear_line(tiny_model_a: Path) -> None:
    """The node is named and nothing serves."""
    with fake_hub(hub_of(tiny_model_a)) as hub, Rack(["one"]) as rack:
        rack.models["tiny"] = {"source": f"team/tiny@{'d' * 40}", "nodes": "all", "context": 4096}
        rack.write()
        done = rack.garnet("up", "--yes", "--hub-endpoint", hub.endpoint, code=1)
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("one: ")
        assert "team/tiny" in last
        assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def wheelhouse() -> Path:
    """Return all wheels of the node's lock, downloaded once."""
    folder = CACHE / "wheelhouse"
    marker = folder / ".complete"
    if not marker.exists() or marker.read_text() != LOCK.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
        subprocess.run([*command, "--dest", str(folder), "-r", str(LOCK)], check=True)
        marker.write_text(LOCK.read_text())
    return folder


def test_a_fleet_comes_up_from_pushed_wheels_with_no_network(wheelhouse: Path, tiny_model_a: Path) -> None:
    """In a network namespace that has nothing but loopback."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("NO NETWORK NAMESPACE: root and unshare are needed to take the network away")
    offline = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    with Rack(["one"], wrapper=offline) as rack:
        rack.shared_environments = False
        rack.serve("tiny", tiny_model_a)
        first = rack.up("--wheelhouse", str(wheelhouse))
        assert "pushing mlx_lm-" in first.stderr
        assert "nothing to do" in rack.up("--wheelhouse", str(wheelhouse)).stdout
        assert rack.garnet("chat", "hello", "--max-tokens", "4").stdout.strip()
