"""What fires by the nodes' own word, silences on every node, and nodes that have fallen silent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from garnet_cli.actions import alerts
from garnet_cli.errors import NodeError, UsageError
from node_scripts.agent.steps import STEPS
from node_scripts.monitor.alerts.silences import SilenceFile
from node_scripts.monitor.alerts.state import ActiveAlert
from node_scripts.store.directory import DirectoryStore
from node_scripts.store.layout import minute_key
from tests.node_scripts.agent.local_agent import context_at
from tests.node_scripts.monitor.alerts.test_messages import ALERT

NOW_UNIX = 1_795_224_600.0
"""00:10 of a UTC day."""


class Node:
    """A node whose agent's steps run in this process."""

    def __init__(self, name: str, root: Path) -> None:
        """Keep its files in ``root``."""
        self.name = name
        self.context = context_at(root / name)

    def ask(self, step: str, *, progress: Any = None, **arguments: Any) -> Any:
        """Run a real step."""
        return STEPS[step](self.context, **arguments)

    def write_live(self, time_unix: float, *firing: ActiveAlert, **more: Any) -> None:
        """Write what its monitor saw last."""
        path = self.context.paths.monitor_live_file
        path.parent.mkdir(parents=True, exist_ok=True)
        live = {"schema": 1, "time_unix": time_unix, "alerts": msgspec.to_builtins(firing), **more}
        path.write_text(json.dumps(live))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Return a node without anything."""
    return Node("mini-1", tmp_path)


def test_firing_alerts_come_from_the_live_file(node: Node) -> None:
    """As the monitor wrote them; fields that came later do no harm."""
    node.write_live(NOW_UNIX, ALERT, news=1)
    found = alerts.read_alerts(node)
    assert found.alerts == [ALERT]
    assert found.fresh(NOW_UNIX + 60)
    assert not found.fresh(NOW_UNIX + 600)


def test_node_without_a_monitor_tells_nothing_and_is_not_fresh(node: Node) -> None:
    """Silence is not health."""
    found = alerts.read_alerts(node)
    assert found.alerts == []
    assert not found.fresh(NOW_UNIX)


def test_live_file_of_another_shape_is_an_error(node: Node) -> None:
    """Never a missing alert."""
    node.write_live(NOW_UNIX)
    node.context.paths.monitor_live_file.write_text('{"time_unix": 1, "alerts": [{"rule": 1}]}')
    with pytest.raises(NodeError, match="mini-1: its monitor writes another shape"):
        alerts.read_alerts(node)


def test_silenced_and_explained_alerts_need_no_attention() -> None:
    """They are known already."""
    assert alerts.needs_attention(ALERT)
    assert not alerts.needs_attention(replace(ALERT, silenced="maintenance"))
    assert not alerts.needs_attention(replace(ALERT, inhibited="node-missing"))


def test_silence_reaches_the_monitor_s_file_and_ends_there(node: Node) -> None:
    """Written by the agent, read by the monitor; ended by rule or by identifier."""
    file = SilenceFile(node.context.paths.silences_file)
    for name in ("disk", "clock"):
        new = alerts.new_silence(name, None, "2h", "cleaning", "ann@desk", NOW_UNIX, ["mini-1"])
        alerts.add_silence(node, new)
    disk, clock = file.current()
    assert disk.covers("disk", "mini-9", NOW_UNIX + 7199)
    assert not disk.covers("disk", "mini-9", NOW_UNIX + 7200)
    alerts.end_silences(node, "disk", None, "ann@desk", NOW_UNIX + 10)
    alerts.end_silences(node, clock.id, None, "ann@desk", NOW_UNIX + 20)
    assert [one.until_unix - NOW_UNIX for one in file.current()] == [10, 20]


def test_ending_can_be_limited_to_one_node_s_alerts(node: Node) -> None:
    """The others stay."""
    for about in ("mini-1", "mini-2"):
        new = alerts.new_silence("all", about, "1h", "x", "ann@desk", NOW_UNIX, ["mini-1", "mini-2"])
        alerts.add_silence(node, new)
    alerts.end_silences(node, "*", "mini-2", "ann@desk", NOW_UNIX + 1)
    live = [one.node for one in alerts.read_silences(node) if one.until_unix > NOW_UNIX + 1]
    assert live == ["mini-1"]


def test_merged_silences_are_each_listed_once_with_their_earliest_end(node: Node, tmp_path: Path) -> None:
    """A node that missed the end of one does not make it go on."""
    new = alerts.new_silence("disk", None, "2h", "cleaning", "ann@desk", NOW_UNIX, ["mini-1"])
    ended = replace(new, until_unix=NOW_UNIX)
    assert alerts.merged([[new], [ended], []]) == [ended]


@pytest.mark.parametrize(
    ("rule", "about", "lasting", "reason", "message"),
    [
        ("dsik", None, "1h", "x", r'no rule "dsik"; did you mean "disk"\?'),
        ("disk", "mini-9", "1h", "x", 'no node "mini-9"'),
        ("disk", None, "1h", " ", "needs --reason"),
        *[
            ("disk", None, bad, "x", "is no duration")
            for bad in ("", "0s", "1w", "-1h", "31d", "2 h", "1h30m")
        ],
    ],
)
def test_silences_of_nothing_are_usage_errors(
    rule: str, about: str | None, lasting: str, reason: str, message: str
) -> None:
    """Before any node is asked."""
    with pytest.raises(UsageError, match=message):
        alerts.new_silence(rule, about, lasting, reason, "ann@desk", NOW_UNIX, ["mini-1"])


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("30d", 2592000)])
def test_durations(text: str, seconds: float) -> None:
    """A number and a unit."""
    assert alerts.seconds_of(text) == seconds


def put(store: DirectoryStore, node: str, *ago_s: float, part: int = 0) -> None:
    """Store minutes that began so long ago."""
    for ago in ago_s:
        store.put(minute_key("rack", node, int(NOW_UNIX - ago) // 60 * 60, part), b"")


def test_newest_minute_is_found_today_and_across_midnight(tmp_path: Path) -> None:
    """At ten past midnight the newest may be yesterday's; part 1 counts, too."""
    tmp_path.chmod(0o700)
    store = DirectoryStore(tmp_path)
    put(store, "a", 60, 120, 180)
    put(store, "b", 1200)
    put(store, "c", 30 * 86400)
    put(store, "d", 240, part=1)
    found = alerts.newest_minutes(store, "rack", ["a", "b", "c", "d", "e"], NOW_UNIX, 60)
    ages = {one.node: one.end_unix and NOW_UNIX - one.end_unix for one in found}
    assert ages == {"a": 0, "b": 1140, "c": None, "d": 180, "e": None}
    silent = alerts.silent_nodes(found, NOW_UNIX, 180)
    assert [one.node for one in silent] == ["b", "c", "e"]


def test_newest_minute_of_a_node_that_fell_silent_in_the_morning(tmp_path: Path) -> None:
    """Beyond the last hour the whole day is looked at."""
    store = DirectoryStore(tmp_path)
    noon_unix = NOW_UNIX + 12 * 3600
    put(store, "a", 0)
    [found] = alerts.newest_minutes(store, "rack", ["a"], noon_unix, 60)
    assert found.end_unix == NOW_UNIX + 60
