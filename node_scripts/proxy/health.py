"""What probes of a loader mean: a pure step from one state to the next.

Health alone lies: mlx_lm.server says 200 while its model still loads. So 200 counts as ``ready``
only once the loader's own counters, or a completed request, show that the model is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from node_scripts.contracts import LoaderState

Probe = Literal["well", "loading", "refused", "dead", "silent"]
"""well: 200 and loaded; loading: 200, not loaded; refused: nobody listens; dead: 503, the generation
thread is gone; silent: no answer in time."""

FAILURES_TO_DOWN = 3


@dataclass(frozen=True, slots=True)
class Judgement:
    """The next state, failures in a row, and whether the process must be killed."""

    state: LoaderState
    failures: int
    kill: bool = False


def judge(
    state: LoaderState, failures: int, probe: Probe, *, silent_for_s: float, kill_after_s: float
) -> Judgement:
    """Decide on one probe; ``silent_for_s`` is how long probes have gone unanswered.

    A ``starting`` loader is never killed for not answering: a large model takes its time. One that
    says that its generation thread is dead has answered, and never comes back by itself.
    """
    if probe == "well":
        return Judgement("ready", 0)
    if probe == "loading":
        return Judgement("starting", 0)
    if probe == "dead":
        return Judgement("down", failures + 1, kill=True)
    if state == "starting":
        return Judgement("starting", 0)
    if probe == "refused":
        return Judgement("down", failures + 1)
    failures += 1
    down = state == "down" or failures >= FAILURES_TO_DOWN
    return Judgement("down" if down else "suspect", failures, kill=silent_for_s >= kill_after_s)
