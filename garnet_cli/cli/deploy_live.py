"""The live view of a deploy's watch: both distributions, the samples so far, the verdict so far."""

from __future__ import annotations

from collections.abc import Sequence

from garnet_cli.actions.deploy.watch import WatchState
from garnet_cli.cli.progress import Progress
from garnet_cli.judge.evidence import Evidence, served, values
from garnet_cli.judge.tail_test import quantile

BLOCKS = "▁▂▃▄▅▆▇█"
BINS = 16
TELL_EVERY_S = 10.0
"""Between two lines of one watch where there is no terminal."""


class LiveWatch:
    """Shows a watch on a progress display: in place on a terminal, a line now and then elsewhere."""

    def __init__(self, progress: Progress, *, terminal: bool) -> None:
        """Draw on ``progress``."""
        self._progress = progress
        self._terminal = terminal
        self._told = -TELL_EVERY_S
        self._node = ""

    def __call__(self, state: WatchState) -> None:
        """Show a state of the watch."""
        if state.node != self._node:
            self._node, self._told = state.node, -TELL_EVERY_S
        ended = state.elapsed_s >= state.watch_s
        if not self._terminal and not ended and state.elapsed_s - self._told < TELL_EVERY_S:
            return
        self._told = state.elapsed_s
        self._progress.step(state.node, "\n".join(lines(state, drawn=self._terminal)))


def lines(state: WatchState, *, drawn: bool) -> list[str]:
    """Return the watch as text: a head, and for each model both distributions; only the head undrawn."""
    extended = ", extended" if state.extended else ""
    head = f"watched {state.elapsed_s:.0f} of {state.watch_s:.0f} s{extended}"
    if state.verdict is not None:
        head += f"; so far {state.verdict.verdict}: {state.verdict.sentence}"
    if not drawn:
        return [head]
    return [head, *(line for model in state.models for line in _model(state, model))]


def _model(state: WatchState, model: str) -> list[str]:
    canary = _latencies([state.canary], model)
    control = _latencies(state.controls, model)
    before = [value for prompts in (False, True) for value in values(
        state.canary.before, model, "latency", prompts=prompts
    )]  # fmt: skip
    everything = [*canary, *control, *before]
    if not everything:
        return [f"  {model}: no requests yet"]
    low, high = min(everything), quantile(everything, 0.99)
    prompts = served(state.canary.during, model, prompts=True)
    more = f", {prompts} of them test prompts" if prompts else ""
    return [
        f"  {model}  {low:.0f} to {high:.0f} ms",
        f"    {state.node:<14} {histogram(canary, low, high)}  {_figures(canary)}{more}",
        f"    {'itself before':<14} {histogram(before, low, high)}  {_figures(before)}",
        f"    {'others now':<14} {histogram(control, low, high)}  {_figures(control)}",
    ]


def histogram(found: Sequence[float], low: float, high: float, bins: int = BINS) -> str:
    """Return a distribution over [low, high] as a row of blocks; beyond ``high`` counts in the last one."""
    if not found:
        return " " * bins
    width = (high - low) / bins or 1.0
    counts = [0] * bins
    for value in found:
        counts[max(0, min(bins - 1, int((value - low) / width)))] += 1
    most = max(counts)
    return "".join(BLOCKS[-(-count * (len(BLOCKS) - 1) // most)] if count else " " for count in counts)


def _latencies(evidence: Sequence[Evidence], model: str) -> list[float]:
    return [
        value
        for one in evidence
        for prompts in (False, True)
        for value in values(one.during, model, "latency", prompts=prompts)
    ]


def _figures(found: Sequence[float]) -> str:
    if not found:
        return "none yet"
    return f"{len(found)} requests, p50 {quantile(found, 0.5):.0f}, p95 {quantile(found, 0.95):.0f} ms"
