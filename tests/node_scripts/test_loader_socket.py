"""Unix sockets of a loader: private, in place of stale ones, never in place of files."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_scripts.contracts import LoaderStats
from node_scripts.loader_socket import bind_private, serve_stats
from tests.node_scripts.loader_process import read_stats


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="g-", dir="/tmp") as name:
        yield Path(name)


def test_socket_is_its_owners_only_and_replaces_a_stale_one(folder: Path) -> None:
    """A path left by a killed process is no obstacle."""
    bind_private(folder / "s").close()
    with bind_private(folder / "s"):
        assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o600


def test_file_in_the_way_is_kept(folder: Path) -> None:
    """Only a socket is ever removed."""
    (folder / "s").write_text("precious")
    with pytest.raises(ValueError, match="is no socket"):
        bind_private(folder / "s")
    assert (folder / "s").read_text() == "precious"


def test_path_too_long_for_macos_is_refused(folder: Path) -> None:
    """It is refused everywhere, so that what works in a test works on a node."""
    with pytest.raises(ValueError, match="longer than the 103 bytes"):
        bind_private(folder / ("s" * 103))


def test_each_connection_gets_one_snapshot(folder: Path) -> None:
    """A reader connects, reads to the end, and has the figures."""
    asked = iter(range(1, 10))
    serve_stats(folder / "s", lambda: LoaderStats(pid=next(asked), started_unix=1.5, unknown=["x"]))
    first, second = read_stats(folder / "s"), read_stats(folder / "s")
    assert (first["pid"], second["pid"], first["evictions"], first["unknown"]) == (1, 2, None, ["x"])
