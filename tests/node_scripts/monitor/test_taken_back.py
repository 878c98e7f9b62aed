"""What the monitor makes of the trial's file."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from node_scripts.monitor.taken_back import read_taken_back

NOW_UNIX = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
TRIAL: dict[str, Any] = {
    "schema": 1,
    "deploy": "d-1",
    "who": "ada@desk",
    "purpose": "garnet deploy",
    "started": "2026-11-21T11:00:00+00:00",
    "updated": "2026-11-21T11:30:00+00:00",
    "status": "reverted",
    "reason": "nobody confirmed it",
    "grace_s": 60.0,
    "by_node": True,
    "attempts": 1,
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, True),
        ({"updated": "2026-11-20T11:30:00+00:00"}, False),
        ({"by_node": False}, False),
        ({"status": "open"}, False),
        ({"status": "reverting"}, False),
        ({"status": "reverting", "by_node": False, "failure": "no proxy"}, True),
        ({"status": "reverting", "failure": "x", "updated": "2026-11-10T11:30:00+00:00"}, True),
    ],
)
def test_what_is_told(tmp_path: Path, changes: dict[str, Any], told: bool) -> None:  # noqa: FBT001 -- a table
    """What the node has taken back by itself for a day; what cannot be taken back until it is."""
    path = tmp_path / "trial.json"
    path.write_text(json.dumps(TRIAL | changes))
    found = read_taken_back(path, NOW_UNIX)
    assert (found is not None) is told
    if found is not None:
        assert (found.deploy, found.reason) == ("d-1", "nobody confirmed it")
        assert found.failure == changes.get("failure", "")


def test_without_a_file_or_with_a_damaged_one_nothing_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged one is in the log."""
    assert read_taken_back(tmp_path / "trial.json", NOW_UNIX) is None
    (tmp_path / "trial.json").write_text("{")
    with caplog.at_level(logging.ERROR):
        assert read_taken_back(tmp_path / "trial.json", NOW_UNIX) is None
    assert "trial.json" in caplog.text
