"""What a node's paths say."""

from __future__ import annotations

from pathlib import Path

from node_scripts.paths import release_of


def test_a_release_is_known_by_its_folder() -> None:
    """Run from elsewhere it is none."""
    assert release_of(Path("/r/releases/abc/node_scripts/monitor/x.py")) == "abc"
    assert release_of(Path("/home/me/garnet/node_scripts/monitor/x.py")) == ""
