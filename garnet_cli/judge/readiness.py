"""When a new loader may take traffic: it has answered test prompts within the budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

TEST_PROMPTS = (
    "Say hello.",
    "Count from one to five.",
    "Name three colours.",
    "What is two plus two?",
    "Write one short sentence about the sea.",
    "List two fruits.",
    "Translate 'good morning' into French.",
    "Which day comes after Monday?",
)
"""Fixed, so that rounds can be compared between loaders and between weeks."""

TEST_MAX_TOKENS = 8


@dataclass(frozen=True, slots=True)
class TestRound:
    """The end-to-end latencies of one round of test prompts, in milliseconds."""

    __test__ = False  # not a test case, whatever pytest makes of its name

    latencies_ms: Sequence[float]
    failures: Sequence[str]

    @property
    def p99_ms(self) -> float:
        """Nearest-rank 99th percentile: with fewer than 100 prompts, the slowest."""
        ordered = sorted(self.latencies_ms)
        return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else math.inf

    def within(self, budget_ms: float) -> bool:
        """Tell whether every prompt was answered and the p99 is in the budget."""
        return not self.failures and self.p99_ms <= budget_ms
