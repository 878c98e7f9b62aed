"""What the monitor says of silences that it cannot read."""

from __future__ import annotations

import pytest

from tests.node_scripts.monitor.test_monitor import Rig, rig

__all__ = ["rig"]


def test_a_damaged_file_of_silences_is_told_once_and_so_is_its_mending(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever silenced something must not learn from a message at night that it was not."""
    rig.pass_time(10)
    assert rig.live()["silences_error"] == ""
    rig.paths.silences_file.write_text('{"silences": [{')
    rig.pass_time(20)
    assert "silences.json: damaged" in rig.live()["silences_error"]
    assert len([record for record in caplog.records if "nothing is silenced" in record.message]) == 1
    rig.paths.silences_file.unlink()
    rig.pass_time(20)
    assert rig.live()["silences_error"] == ""
    told = [event for event in rig.events() if event[1] == "silences"]
    assert told == [("monitor", "silences", "cannot be read"), ("monitor", "silences", "read again")]
