"""The release workflow's steps on this checkout: what they build holds everything, under its own version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from garnet_cli import __version__
from tests.conftest import ROOT
from tests.github.runner import Runner

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel, built as the workflow builds it, but with this environment."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return folder


def step(job: str, name: str) -> dict[str, Any]:
    """Return a step of the workflow by its name."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    found: dict[str, Any] = next(each for each in workflow["jobs"][job]["steps"] if each.get("name") == name)
    return found


def test_the_wheel_holds_every_file_of_both_packages(dist: Path) -> None:
    """Also what is no Python: locks, pages, fonts, catalogues."""
    (wheel,) = dist.glob("garnet-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(
        ["git", "ls-files", "garnet_cli", "node_scripts"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tracked = {path for path in listed.stdout.splitlines() if (ROOT / path).exists()}
    assert tracked - held == set()
    assert {"garnet_cli/requirements.lock", "node_scripts/requirements.lock"} <= held
    assert not any(path.startswith(("tests/", "benchmarks/")) for path in held)


@pytest.mark.parametrize(
    ("tag", "outcome"), [(f"v{__version__}", "success"), ("v0.0.99", "failure"), (__version__, "failure")]
)
def test_a_tag_that_is_not_the_version_ends_the_release(
    dist: Path, tmp_path: Path, tag: str, outcome: str
) -> None:
    """The step as written, with the wheel in `dist`."""
    runner = Runner(tmp_path, {})
    (runner.workspace / "dist").symlink_to(dist)
    comparing = step("build", "Compare the version with the tag") | {"id": "compare"}
    workflow = {"jobs": {"build": {"steps": [comparing]}}}
    steps = runner.run_job(workflow, "build", {"github": {"ref_name": tag}})
    assert steps["compare"].outcome == outcome
    assert ("::error::" in runner.log) == (outcome == "failure")


def test_the_lock_that_is_installed_has_the_versions_that_are_tested() -> None:
    """`make lock` writes both: here is what tells that one was forgotten."""
    tested = dict(PIN.findall((ROOT / "requirements-dev.lock").read_text()))
    installed = dict(PIN.findall((ROOT / "garnet_cli" / "requirements.lock").read_text()))
    assert len(installed) > 20
    assert {name: tested.get(name) for name in installed} == installed


def test_the_lock_that_is_installed_has_every_dependency() -> None:
    """Each one of the project's, by its name without extras."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    installed = dict(PIN.findall((ROOT / "garnet_cli" / "requirements.lock").read_text()))
    names = [re.split(r"[\[<>=!~; ]", each)[0].lower() for each in wanted]
    assert [name for name in names if name not in installed] == []
