"""Fixtures that unit and fleet tests share."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

from tests.models import tiny_model

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background so; programs that a test interrupts would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same cases in every run; `pytest --hypothesis-profile=default` tries others.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("GARNET_CACHE", ROOT / ".cache"))


@pytest.fixture(scope="session")
def node_python() -> Path:
    """Return the Python of an environment with the node's locked requirements, made once."""
    python = CACHE / "node-env" / "bin" / "python"
    marker = CACHE / "node-env" / ".complete"
    lock = (ROOT / "node_scripts" / "requirements.lock").read_text()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "node-env.lock").open("w") as held:
        # Of several workers the first one makes it.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text() != lock:
            uv = str(ROOT / ".venv" / "bin" / "uv")
            new = [uv, "venv", "-q", "--clear", "--python", "3.11", str(CACHE / "node-env")]
            subprocess.run(new, check=True)
            command = [uv, "pip", "install", "-q", "--require-hashes", "--python", str(python)]
            subprocess.run([*command, "-r", str(ROOT / "node_scripts" / "requirements.lock")], check=True)
            marker.write_text(lock)
    return python


@pytest.fixture(scope="session")
def tiny_model_a(node_python: Path) -> Path:
    """Return the folder of a tiny model that mlx_lm.server serves."""
    return tiny_model(node_python, CACHE, seed=1)


@pytest.fixture(scope="session")
def tiny_model_b(node_python: Path) -> Path:
    """Return the folder of a second tiny model, which answers differently."""
    return tiny_model(node_python, CACHE, seed=2)


@pytest.fixture(scope="session")
def slow_model(node_python: Path) -> Path:
    """Return the folder of a tiny model slow enough to be caught in the middle of an answer."""
    return tiny_model(node_python, CACHE, seed=3, layers=12, hidden=256)
