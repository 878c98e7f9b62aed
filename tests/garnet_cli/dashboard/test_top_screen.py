"""The screen of `garnet top` at the widths people have."""

from __future__ import annotations

import io
from datetime import UTC

import pytest
from rich.console import Console

from garnet_cli.dashboard.looks import Look
from garnet_cli.dashboard.top_rows import top_view
from garnet_cli.dashboard.top_screen import screen
from tests.garnet_cli.dashboard import simulated_looks
from tests.garnet_cli.dashboard.simulated_looks import NOW, alert, fleet, look


def drawn(looks: list[Look], width: int, height: int | None = None) -> list[str]:
    """Return the screen's lines."""
    console = Console(file=io.StringIO(), width=width, no_color=True, force_terminal=False)
    console.print(screen(top_view("office", looks, NOW), width, height, UTC))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def rack(count: int) -> list[Look]:
    """Return a rack of nodes and models with long names, the last node lost."""
    nodes = [f"rack-{number // 8}-mini-{number % 8}-at-the-window" for number in range(count)]
    return fleet(nodes, [f"model-{number}-with-a-very-long-name-4bit" for number in range(40)])


@pytest.mark.parametrize("width", [80, 100, 140, 200])
@pytest.mark.parametrize("count", [1, 6, 64])
def test_no_line_is_wider_than_the_terminal(width: int, count: int) -> None:
    """Nothing wraps: neither at 80 columns nor with 64 nodes and long names."""
    assert max(map(len, drawn(rack(count), width, 40))) <= width


def test_eighty_columns_hold_every_figure_uncut() -> None:
    """Temperature and power with their sources, throttling, memory, percentiles, states."""
    text = "\n".join(drawn(fleet(), 80))
    for figure in ("°C macmon", "W shelly", "6.2 %", "/64 GB", "3 ready", "lost", "64 s", "store ok"):
        assert figure in text
    assert "…" not in text


def test_a_wide_terminal_shows_more() -> None:
    """Full sources, pressure, fan, first token."""
    text = "\n".join(drawn(fleet(), 140))
    for figure in ("macmon:cpu_temp_avg", "nominal", "rpm", "first token p95", "errors 5 min"):
        assert figure in text


def test_many_nodes_fit_the_height_with_the_ailing_first() -> None:
    """The lost node is seen; the rest is counted."""
    lines = drawn(rack(64), 80, 24)
    assert len(lines) <= 24
    assert any("lost" in line for line in lines[:8])
    assert any("more nodes" in line for line in lines)
    assert any("more models" in line for line in lines)


def test_unknown_is_a_dash_and_never_zero() -> None:
    """A node that was never reached has no figures."""
    row = next(line for line in drawn([Look(node="mini-1")], 80) if line.startswith("mini-1"))
    assert row.split() == ["mini-1", "waiting", *["\u2013"] * 5, "never"]


def test_a_hostile_name_cannot_drive_the_terminal() -> None:
    """Control characters are replaced, rich's markup is text."""
    bad = alert("[red]x\x1b[2J", "r", "says\x07", 1, "")
    text = "\n".join(drawn([look("[bold]n[/]\x1b]0;t\x07", alerts=[bad])], 140))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]n[/]" in text
    assert "[red]x" in text


def test_fleet_without_models_and_screen_without_nodes_are_drawn() -> None:
    """Empty states do not fail."""
    assert drawn([], 80)[0].startswith("office  0 nodes")
    assert drawn([look("a", [])], 80)[2].startswith("node")


def test_many_alerts_are_counted_not_shown_all() -> None:
    """Five lines, then the command that lists them."""
    alerts = [alert("a", f"rule-{number}", f"does {number}", number, "s") for number in range(9)]
    lines = drawn([simulated_looks.look("a", alerts=alerts)], 80)
    assert sum(line.startswith("▲") for line in lines) == 5
    assert any("and 4 more: garnet alerts list" in line for line in lines)
