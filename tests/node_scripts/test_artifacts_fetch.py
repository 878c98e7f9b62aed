"""Fetching a repository from a hub, by the command that the agent runs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from node_scripts.artifacts import differences, read_manifest
from tests.node_scripts.fake_hub import FakeHub, fake_hub
from tests.node_scripts.loader_process import ROOT

pytestmark = pytest.mark.fleet

# More than the 10 MiB that huggingface_hub writes at once.
WEIGHTS = os.urandom(12_000_000)
FILES = {
    "config.json": b"{}",
    "tokenizer.json": b'{"version": "1.0"}',
    "model.safetensors": WEIGHTS,
    "vocab/merges.txt": b"a b",
    "modeling.py": b"raise SystemExit",
    "pytorch_model.bin": b"pickle",
    "README.md": b"# name",
}
FETCHED = ["config.json", "model.safetensors", "tokenizer.json", "vocab/merges.txt"]


def hub() -> FakeHub:
    """Return a hub with one model."""
    return FakeHub("org/name", dict(FILES), large={"model.safetensors"})


def fetch(
    python: Path, endpoint: str, into: Path, revision: str = "main"
) -> subprocess.CompletedProcess[str]:
    """Run the fetch command as a node runs it."""
    command = [str(python), "-m", "node_scripts.artifacts", "fetch", "--repository", "org/name"]
    options = ["--revision", revision, "--into", str(into), "--endpoint", endpoint]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HOME": str(into.parent / "hf")}
    environment["HF_HUB_DOWNLOAD_TIMEOUT"] = "5"
    return subprocess.run(
        [*command, *options], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_model_files_are_fetched_with_progress_and_a_manifest(node_python: Path, tmp_path: Path) -> None:
    """Only what a model is read from comes, as plain files; the last line of progress is all of it."""
    with fake_hub(hub()) as served:
        result = fetch(node_python, served.endpoint, tmp_path / "a")
    assert result.returncode == 0, result.stderr
    manifest = read_manifest((tmp_path / "a" / "MANIFEST.json").read_bytes())
    assert list(manifest) == FETCHED
    assert differences(tmp_path / "a", manifest) == []
    assert not any(path.is_symlink() or path.name.startswith(".") for path in (tmp_path / "a").rglob("*"))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    total = sum(len(FILES[name]) for name in FETCHED)
    assert lines[-1] == {"done_bytes": total, "total_bytes": total}
    done = [line["done_bytes"] for line in lines]
    assert done == sorted(done)


def test_interrupted_fetch_goes_on_where_it_stopped(node_python: Path, tmp_path: Path) -> None:
    """A hub that breaks off leaves no manifest; the next fetch asks only for the rest."""
    with fake_hub(hub()) as served:
        served.cut_after = 11_000_000
        first = fetch(node_python, served.endpoint, tmp_path / "a")
        assert first.returncode == 1
        assert "Traceback" not in first.stderr
        assert "org/name@main was not fetched" in first.stderr.splitlines()[-1]
        assert not (tmp_path / "a" / "MANIFEST.json").exists()
        served.cut_after = None
        served.served.clear()
        second = fetch(node_python, served.endpoint, tmp_path / "a")
        assert second.returncode == 0, second.stderr
    assert [name for name, _ in served.served] == ["model.safetensors"]
    assert int(served.served[0][1].removeprefix("bytes=").removesuffix("-")) >= 10_000_000
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("repository", "revision", "reason"),
    [("org/name", "gone", "org/name has no revision gone"), ("org/other", "main", "no repository org/name")],
)
def test_what_the_hub_does_not_have_is_said_in_one_line(
    node_python: Path, tmp_path: Path, repository: str, revision: str, reason: str
) -> None:
    """A wrong name or revision is told apart."""
    served = hub()
    served.repository = repository
    with fake_hub(served):
        result = fetch(node_python, served.endpoint, tmp_path / "a", revision)
    assert result.returncode == 1
    assert reason in result.stderr.splitlines()[-1]


def test_hub_that_does_not_answer_is_an_error_in_one_line(node_python: Path, tmp_path: Path) -> None:
    """No traceback, and nothing that looks complete."""
    result = fetch(node_python, "http://127.0.0.1:9", tmp_path / "a")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "was not fetched" in result.stderr
    assert not (tmp_path / "a" / "MANIFEST.json").exists()


def test_repository_without_weights_is_no_model(node_python: Path, tmp_path: Path) -> None:
    """It is refused rather than served from."""
    served = hub()
    del served.files["model.safetensors"]
    with fake_hub(served):
        result = fetch(node_python, served.endpoint, tmp_path / "a")
    assert result.returncode == 1
    assert "holds no model" in result.stderr
