"""Fixed test prompts, sent to changed and unchanged nodes together where clients ask for too little."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice

from garnet_cli.actions.control import Asks
from garnet_cli.errors import GarnetError, NodeError
from garnet_cli.judge.readiness import TEST_MAX_TOKENS, TEST_PROMPTS

WARM_UP = len(TEST_PROMPTS)
"""The first round finds cold caches: the judge leaves as many out."""
BUSY = "http_429"
AIM = 200
"""Answers by which a node is judged well; with fewer, one that is twice as slow may go unnoticed."""


def prompt_count(minimum: int) -> int:
    """Return how many test prompts to send where at least ``minimum`` answers are needed."""
    return max(minimum, AIM) + WARM_UP


def send_prompts(
    node: Asks, model: str, count: int, ended: Callable[[], bool], report: Callable[[str], None]
) -> int:
    """Ask ``node`` for ``count`` answers, one after another; return how many came.

    The node's own proxy times them. A loader that is busy with clients is not pressed: that prompt is left
    out. Raises :class:`NodeError` for a prompt that failed.
    """
    answered = 0
    for number, prompt in enumerate(islice(cycle(TEST_PROMPTS), count), 1):
        if ended():
            break
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": TEST_MAX_TOKENS,
            "temperature": 0,
        }
        try:
            node.ask("chat", body=body)
        except NodeError as error:
            if error.code != BUSY:
                raise
            continue
        answered += 1
        if number % WARM_UP == 0:
            report(f"{model}: {number} of {count} test prompts")
    return answered


class PromptSenders:
    """Threads that send test prompts while a node is watched."""

    def __init__(self, nodes: Mapping[str, Asks], models: Mapping[str, Sequence[str]], count: int) -> None:
        """Send ``count`` prompts for each of a node's ``models``, one node a thread, once started."""
        self.errors: dict[str, GarnetError] = {}
        """Prompts that failed, by node."""
        self._end = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, args=(nodes[name], wanted, count), name=f"prompt {name}", daemon=True
            )
            for name, wanted in models.items()
            if wanted
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more; those in hand run to their end."""
        self._end.set()

    def _run(self, node: Asks, models: Sequence[str], count: int) -> None:
        try:
            for model in models:
                send_prompts(node, model, count, self._end.is_set, lambda _: None)
        except GarnetError as error:
            self.errors[node.name] = error
