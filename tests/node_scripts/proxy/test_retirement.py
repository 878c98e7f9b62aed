"""Which proxies wait to be removed."""

from __future__ import annotations

from pathlib import Path

from node_scripts.paths import NodePaths
from node_scripts.proxy.retirement import is_retired


def test_a_proxy_of_the_current_release_is_not_retired(tmp_path: Path) -> None:
    """It serves, and takes sockets over."""
    (tmp_path / "current").symlink_to("releases/r2")
    assert not is_retired(NodePaths.at(tmp_path), "r2")


def test_a_proxy_of_another_release_is_retired(tmp_path: Path) -> None:
    """It must not take the sockets back from its successor."""
    (tmp_path / "current").symlink_to("releases/r2")
    assert is_retired(NodePaths.at(tmp_path), "r1")


def test_a_proxy_that_runs_from_no_release_is_never_retired(tmp_path: Path) -> None:
    """As in tests and benchmarks, or before the first link is made."""
    assert not is_retired(NodePaths.at(tmp_path), "r1")
    (tmp_path / "current").symlink_to("releases/r2")
    assert not is_retired(NodePaths.at(tmp_path), "")
