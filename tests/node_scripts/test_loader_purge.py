"""A real loader's prompt cache, emptied while it answers."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from node_scripts.loader_stats import PURGE_PATH
from tests.node_scripts.loader_process import RunningLoader, running_loader

pytestmark = pytest.mark.fleet

PROMPT = [{"role": "user", "content": "What is the capital of France, and why is it there?"}]


def cached_tokens(loader: RunningLoader, max_tokens: int = 3) -> int:
    """Ask the same again and return how many of its tokens came from the prompt cache."""
    status, answer = loader.ask(messages=PROMPT, max_tokens=max_tokens)
    assert status == 200, answer
    return int(answer["usage"]["prompt_tokens_details"]["cached_tokens"])


def purge(loader: RunningLoader) -> dict[str, Any]:
    """Purge the loader's cache and return what it says."""
    status, answer = loader.post(b"", PURGE_PATH)
    assert status == 200, answer
    return dict(json.loads(answer))


def test_an_idle_loader_forgets_every_sequence_at_once(node_python: Path, tiny_model_a: Path) -> None:
    """The next identical prompt has no cached tokens, the one after it has; no eviction is counted."""
    with running_loader(node_python, tiny_model_a) as loader:
        cached_tokens(loader)
        assert cached_tokens(loader) > 0
        before = loader.stats()
        purged = purge(loader)
        assert purged == {
            "sequences": before["cache_sequences"],
            "size_bytes": before["cache_bytes"],
            "in_flight": 0,
        }
        assert purged["sequences"] > 0
        after = loader.stats()
        assert (after["cache_sequences"], after["cache_bytes"], after["evictions"]) == (0, 0, 0)
        assert cached_tokens(loader) == 0
        assert cached_tokens(loader) > 0
        assert loader.stats()["unknown"] == []


def test_what_was_in_flight_is_answered_and_not_put_back(node_python: Path, slow_model: Path) -> None:
    """A request that began before the purge ends well, and leaves nothing that the next one would read."""
    with running_loader(node_python, slow_model, context=2048) as loader:
        ended: list[int] = []
        before = threading.Thread(
            target=lambda: ended.append(loader.ask(messages=PROMPT, max_tokens=120)[0]), daemon=True
        )
        before.start()
        deadline = time.monotonic() + 30
        while loader.stats()["decode"] == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert purge(loader)["in_flight"] == 1
        before.join(60)
        assert ended == [200]
        assert loader.stats()["cache_sequences"] == 0
        assert cached_tokens(loader) == 0
