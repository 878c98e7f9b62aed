"""The live view of a watch."""

from __future__ import annotations

from typing import Any

from garnet_cli.actions.deploy.watch import WatchState
from garnet_cli.cli.deploy_live import TELL_EVERY_S, LiveWatch, histogram, lines
from garnet_cli.judge.evidence import Evidence
from garnet_cli.judge.rollout import NodeVerdict
from node_scripts.records import RequestRecord

VERDICT = NodeVerdict(node="mini-1", verdict="pass", sentence="tiny: within the limit", models=())


def answers(*latencies_ms: float) -> list[RequestRecord]:
    """Return answers of a loader."""
    return [
        RequestRecord(end_unix=0, model="tiny", outcome="answered", served_by="loader-1", latency_ms=latency)
        for latency in latencies_ms
    ]


def state(**more: Any) -> WatchState:
    """Return a watch of one node against another."""
    values: dict[str, Any] = {
        "node": "mini-1",
        "elapsed_s": 12.0,
        "watch_s": 600.0,
        "extended": False,
        "canary": Evidence("mini-1", answers(10, 20, 30), answers(10, 20, 400)),
        "controls": [Evidence("mini-2", answers(10), answers(11, 12, 13, 14))],
        "models": ["tiny"],
        "verdict": VERDICT,
    }
    return WatchState(**{**values, **more})


class Told:
    """A progress display that keeps what it was told."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.steps: list[str] = []

    def step(self, node: str, message: str) -> None:
        """Keep a message."""
        self.steps.append(f"{node}: {message}")


def test_a_distribution_is_drawn_over_its_range_and_beyond_it_counts_at_the_end() -> None:
    """A full block is the fullest bin; one request is never invisible."""
    assert histogram([0, 0, 0, 0, 99, 500], 0, 100, 4) == "█  ▅"
    assert histogram([5] * 100 + [95], 0, 100, 4) == "█  ▂"
    assert histogram([], 0, 100, 4) == "    "
    assert histogram([7, 7], 7, 7, 4).strip() == "█"


def test_the_view_shows_both_distributions_the_counts_and_the_verdict_so_far() -> None:
    """One model a block."""
    text = "\n".join(lines(state(), drawn=True))
    for part in (
        "watched 12 of 600 s; so far pass: tiny: within the limit",
        "mini-1",
        "3 requests, p50 20, p95 400 ms",
        "itself before",
        "others now",
        "4 requests, p50 12, p95 14 ms",
    ):
        assert part in text, text
    assert "extended" in lines(state(extended=True), drawn=False)[0]
    quiet = Evidence("mini-1", ())
    assert "no requests yet" in "\n".join(lines(state(canary=quiet, controls=[]), drawn=True))


def test_without_a_terminal_a_line_comes_now_and_then() -> None:
    """And one at the end of each watch."""
    told = Told()
    live = LiveWatch(told, terminal=False)  # type: ignore[arg-type]
    for second in range(25):
        live(state(elapsed_s=float(second)))
    assert len(told.steps) == 1 + 24 // int(TELL_EVERY_S)
    live(state(elapsed_s=600.0))
    assert len(told.steps) == 4
    live(state(node="mini-2", elapsed_s=0.5))
    assert told.steps[-1].startswith("mini-2: watched 0")
