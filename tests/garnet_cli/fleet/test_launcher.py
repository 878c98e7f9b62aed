"""Which Python an agent is started with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from garnet_cli.errors import NodeError
from garnet_cli.fleet.agent_archive import agent_archive
from garnet_cli.fleet.node import NodeHandle, NodeTarget


def script(path: Path, text: str) -> Path:
    """Write an executable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def ask_python(root: Path, python: str | None = None, environments: str | None = None) -> str:
    """Return the path of the Python that runs the agent."""
    target = NodeTarget(
        name="mini-1", transport="local", root=str(root), python=python, environments=environments
    )
    with NodeHandle(target) as node:
        return str(node.ask("facts")["python"]["path"])


def test_the_inventorys_python_comes_first(tmp_path: Path) -> None:
    """As it is written, links not followed."""
    link = tmp_path / "my python"
    link.symlink_to(sys.executable)
    assert ask_python(tmp_path / "root", str(link)) == str(link)


def test_a_complete_environments_python_comes_next(tmp_path: Path) -> None:
    """A half-built one does not count."""
    for name in ("0" * 16, "1" * 16):
        (tmp_path / "envs" / name / "bin").mkdir(parents=True)
        (tmp_path / "envs" / name / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "envs" / ("1" * 16) / ".complete").touch()
    expected = str(tmp_path / "envs" / ("1" * 16) / "bin" / "python")
    assert ask_python(tmp_path / "root", environments=str(tmp_path / "envs")) == expected


def test_an_old_python_on_the_path_is_passed_over_for_uvs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare node with nothing but uv in the home works."""
    for version in ("3.11", "3.12", "3.13", "3.14", "3"):
        script(tmp_path / "bin" / f"python{version}", "exit 1")
        if any(
            os.access(f"{folder}/python{version}", os.X_OK)
            for folder in ("/usr/local/bin", "/opt/homebrew/bin")
        ):
            pytest.skip("this machine has a Python where the launcher looks first")
    script(tmp_path / ".local" / "bin" / "uv", f'[ "$1 $2" = "python find" ] && echo "{sys.executable}"')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert ask_python(tmp_path / "root") == sys.executable


def test_a_python_of_the_inventory_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """It is not passed over in silence."""
    with pytest.raises(NodeError, match=r"not an executable; install Python 3\.11"):
        ask_python(tmp_path / "root", str(tmp_path / "none"))


def test_the_archive_is_the_same_for_the_same_code() -> None:
    """And holds the agent alone: small enough to send each time."""
    data = agent_archive()
    agent_archive.cache_clear()
    assert agent_archive() == data
    assert len(data) < 128 * 1024
