"""A fleet taken down while answers are on their way: they end whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.fleet.rack import Rack

pytestmark = pytest.mark.fleet

STREAMS = 3
TOKENS = 400


@pytest.fixture(scope="module")
def rack(slow_model: Path) -> Iterator[Rack]:
    """Return one node that serves the slow model."""
    with Rack(["one"]) as rack:
        rack.serve("slow", slow_model)
        rack.up()
        yield rack


class Stream:
    """One streamed answer, read on a thread of its own."""

    def __init__(self, url: str, number: int) -> None:
        """Ask at once."""
        self.begun = threading.Event()
        self.tokens = 0
        self.finish: str | None = None
        self.error: Exception | None = None
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=120)
        self._thread = threading.Thread(target=self._read, args=(number,))
        self._thread.start()

    def _read(self, number: int) -> None:
        try:
            for chunk in self._client.chat.completions.create(
                model="slow",
                messages=[{"role": "user", "content": f"Tell me of {number}"}],
                max_tokens=TOKENS,
                stream=True,
                stream_options={"include_usage": True},
            ):
                for choice in chunk.choices:
                    self.finish = choice.finish_reason or self.finish
                self.tokens = chunk.usage.completion_tokens if chunk.usage else self.tokens
                self.begun.set()
        except Exception as error:  # noqa: BLE001 -- the test asserts that there was none
            self.error = error
            self.begun.set()

    def wait(self) -> None:
        """Wait for the stream's end."""
        self._thread.join(120)


def test_streams_in_flight_end_whole(rack: Rack) -> None:
    """Each gets all its tokens and its end; only then is the fleet down."""
    streams = [Stream(rack.node("one").url, number) for number in range(STREAMS)]
    for stream in streams:
        assert stream.begun.wait(60)
    assert [stream.finish for stream in streams] == [None] * STREAMS
    rack.garnet("down", "--yes")
    ended_before = [stream.finish for stream in streams]
    for stream in streams:
        stream.wait()
    assert [stream.error for stream in streams] == [None] * STREAMS
    assert ended_before == ["length"] * STREAMS
    assert [stream.tokens for stream in streams] == [TOKENS] * STREAMS
