"""Running a system's tools."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.runner import ProcessRunner, find_tool, tool_environment


def _script(folder: Path, text: str, name: str = "tool") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_tool_speaks_c_and_sees_none_of_the_monitors_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the locale of the node, and whatever is in the monitor's environment."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LC_NUMERIC", "de_DE.UTF-8")
    monkeypatch.setenv("GARNET_STORE_SECRET_ACCESS_KEY", "hunter2")
    printed = ProcessRunner().run([_script(tmp_path, "env")], timeout_s=5.0)
    assert "LC_ALL=C\n" in printed
    assert "LC_NUMERIC" not in printed
    assert "hunter2" not in printed


def test_the_environment_has_a_path_where_the_supervisor_gives_none() -> None:
    """The system's own folders."""
    assert tool_environment({})["PATH"] == "/usr/bin:/bin:/usr/sbin:/sbin"


def test_a_tool_that_fails_says_why(tmp_path: Path) -> None:
    """In its last line, with its exit status."""
    tool = _script(tmp_path, "echo first >&2; echo 'must be invoked as the superuser' >&2; exit 1")
    with pytest.raises(SensorError, match="tool ended with 1: must be invoked as the superuser"):
        ProcessRunner().run([tool], timeout_s=5.0)


def test_a_tool_that_is_not_there_fails_in_words(tmp_path: Path) -> None:
    """As do files that cannot be executed."""
    with pytest.raises(SensorError, match="absent: No such file"):
        ProcessRunner().run([str(tmp_path / "absent")])


def test_a_tool_that_hangs_is_ended(tmp_path: Path) -> None:
    """Within its time."""
    begun = time.monotonic()
    with pytest.raises(SensorError, match=r"gave no answer in 0\.2 s"):
        ProcessRunner().run([_script(tmp_path, "exec sleep 60")], timeout_s=0.2)
    assert time.monotonic() - begun < 5.0


def test_bytes_that_are_no_text_raise_nothing() -> None:
    """They are replaced."""
    command = [sys.executable, "-c", "import os; os.write(1, b'\\xff\\xfe7')"]
    assert ProcessRunner().run(command, timeout_s=10.0).endswith("7")


def test_tools_are_found_where_people_install_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH first, then Homebrew's folder and the like, home folders included."""
    first, second, home = tmp_path / "first", tmp_path / "second", tmp_path / "home"
    for folder in (first, second, home / "bin"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    in_home = _script(home / "bin", "", "macmon")
    assert find_tool("macmon", folders=[str(second), "~/bin"], path=str(first)) == in_home
    installed = _script(second, "", "macmon")
    assert find_tool("macmon", folders=[str(second), "~/bin"], path=str(first)) == installed
    in_path = _script(first, "", "macmon")
    assert find_tool("macmon", folders=[str(second)], path=f"{os.pathsep}{first}") == in_path
    (first / "macmon").chmod(0o644)
    assert find_tool("macmon", folders=[], path=str(first)) is None
