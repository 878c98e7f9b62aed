"""Building environments with real installers."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

from garnet_cli.errors import NodeError
from garnet_cli.fleet.node import NodeHandle, NodeTarget
from garnet_cli.fleet.parallel import for_each
from tests.conftest import ROOT

pytestmark = pytest.mark.fleet
UV = ROOT / ".venv" / "bin" / "uv"
RELEASE = "0123456789ab"
ENVIRONMENT = "0123456789abcdef"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Download one small wheel."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), "idna==3.10"], check=True)
    return next(folder.glob("*.whl"))


def lock_of(wheel: Path, requirement: str = "idna==3.10") -> str:
    """Return a lock file that asks for the wheel."""
    return f"{requirement} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def node_at(folder: Path, name: str = "mini-1", environments: Path | None = None) -> NodeHandle:
    """Return a local node run by this Python; an agent finds uv only beside it or in the home."""
    shared = str(environments) if environments else None
    root = str(folder / name)
    target = NodeTarget(name=name, transport="local", root=root, python=sys.executable, environments=shared)
    return NodeHandle(target)


def push(node: NodeHandle, lock: str) -> None:
    """Push a release that has nothing but a lock file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("node_scripts/requirements.lock")
        entry.size = len(lock)
        tar.addfile(entry, io.BytesIO(lock.encode()))
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    node.ask("push_release", payload=buffer.getvalue(), release=RELEASE, sha256=digest)


def build(node: NodeHandle, *, wheelhouse: bool = False, python: str | None = None) -> dict[str, bool]:
    """Build the environment and return the step's value."""
    value: dict[str, bool] = node.ask(
        "build_environment", environment=ENVIRONMENT, release=RELEASE, wheelhouse=wheelhouse, python=python
    )
    return value


def imports_idna(folder: Path) -> bool:
    """Say whether the environment can import what it was built for."""
    python = str(folder / ENVIRONMENT / "bin" / "python")
    return subprocess.run([python, "-c", "import idna"], check=False).returncode == 0


def test_uv_builds_from_the_index(tmp_path: Path, wheel: Path) -> None:
    """It is complete only then, and a second ask changes nothing."""
    assert UV.exists(), "uv lies beside the Python that runs the agent"
    with node_at(tmp_path) as node:
        push(node, lock_of(wheel))
        assert node.ask("facts")["uv"] == str(UV)
        assert node.ask("facts")["environments"] == []
        assert build(node) == {"already": False}
        assert node.ask("facts")["environments"] == [ENVIRONMENT]
        assert build(node) == {"already": True}
    assert imports_idna(tmp_path / "mini-1" / "envs")


@pytest.mark.parametrize("with_uv", [True, False])
def test_a_wheelhouse_needs_no_index(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch, *, with_uv: bool
) -> None:
    """With uv or with venv and pip, an index that does not exist is never asked."""
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/simple")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    python = Path(sys.executable)
    if not with_uv:
        venv.create(tmp_path / "plain", with_pip=False)
        python = tmp_path / "plain" / "bin" / "python"
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
    target = NodeTarget(name="mini-1", transport="local", root=str(tmp_path / "mini-1"), python=str(python))
    with NodeHandle(target) as node:
        assert (node.ask("facts")["uv"] is not None) == with_uv
        push(node, lock_of(wheel))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        node.ask("push_wheel", payload=wheel.read_bytes(), name=wheel.name, sha256=digest)
        assert build(node, wheelhouse=True) == {"already": False}
    assert imports_idna(tmp_path / "mini-1" / "envs")


def test_a_missing_wheel_is_one_line_with_the_installers_words_beside(tmp_path: Path, wheel: Path) -> None:
    """The environment stays incomplete; a build with the wheel there succeeds."""
    with node_at(tmp_path) as node:
        push(node, lock_of(wheel))
        (tmp_path / "mini-1" / "wheelhouse").mkdir()
        with pytest.raises(NodeError, match="no matching wheel") as caught:
            build(node, wheelhouse=True)
        assert caught.value.code == "environment_failed"
        assert any("idna" in note for note in caught.value.__notes__)
        assert node.ask("facts")["environments"] == []
        shutil.copy(wheel, tmp_path / "mini-1" / "wheelhouse")
        assert build(node, wheelhouse=True) == {"already": False}


def test_a_wheel_that_differs_from_the_lock_is_refused(tmp_path: Path, wheel: Path) -> None:
    """A tampered wheel never gets in."""
    with node_at(tmp_path) as node:
        push(node, f"idna==3.10 --hash=sha256:{'0' * 64}\n")
        with pytest.raises(NodeError, match="hash"):
            build(node)


def test_two_nodes_share_one_build(tmp_path: Path, wheel: Path) -> None:
    """Asked at once, one builds and the other waits; both have it."""
    shared = tmp_path / "shared"
    nodes = [node_at(tmp_path, f"mini-{number}", shared) for number in (1, 2)]
    try:
        for node in nodes:
            push(node, lock_of(wheel))
        outcomes = for_each(nodes, build)
    finally:
        for node in nodes:
            node.close()
    assert sorted(outcome["already"] for outcome in outcomes.values()) == [False, True]
    assert imports_idna(shared)


def test_an_environment_left_half_built_is_built_again(tmp_path: Path, wheel: Path) -> None:
    """A folder without its marker is what a killed build leaves."""
    with node_at(tmp_path) as node:
        push(node, lock_of(wheel))
        half = tmp_path / "mini-1" / "envs" / ENVIRONMENT
        (half / "bin").mkdir(parents=True)
        (half / "bin" / "python").write_text("not a program")
        assert build(node) == {"already": False}
    assert imports_idna(half.parent)
