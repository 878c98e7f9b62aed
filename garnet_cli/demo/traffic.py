"""A steady mix of streamed and plain requests from the official ``openai`` client.

What a user would have seen is written down for each request: answered in full, failed (an error
instead of an answer) or dropped (an answer that broke off).
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import openai

PROMPTS = (
    "The capital of France is",
    "Two plus two is",
    "The colour of the sky is",
    "Cats and dogs are",
    "A week has seven",
    "Water boils at",
)

Outcome = Literal["answered", "failed", "dropped"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a user saw of one request. Times are ``time.monotonic`` seconds."""

    begin: float
    end: float
    streamed: bool
    prompt: str
    outcome: Outcome
    text: str
    completion_tokens: int
    first_token_s: float | None = None
    error: str = ""

    @property
    def milliseconds(self) -> float:
        """From sending to the last byte."""
        return (self.end - self.begin) * 1000


@dataclass
class Traffic:
    """Workers that send one request after another until they are told to stop."""

    base_urls: Sequence[str]
    model: str
    workers: int
    max_tokens: Sequence[int] = (8,)
    api_key: str = "none"
    keep_alive: bool = True
    """Off: a new connection for every request."""
    seen: list[Seen] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start the workers; they take the nodes, prompts, lengths and kinds in turn."""
        for number in range(self.workers):
            thread = threading.Thread(target=self._work, args=(number,), name=f"traffic-{number}")
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Let every worker finish the request that it is in, and wait for that."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, count: int, timeout_s: float = 300) -> None:
        """Wait until ``count`` requests in all have ended; raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while len(self.seen) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.seen)} of {count} requests after {timeout_s} s")
            time.sleep(0.02)

    def clients(self) -> list[openai.OpenAI]:
        """Return one client a node; the caller closes them."""
        import openai  # noqa: PLC0415 -- heavy, and only traffic needs it

        return [
            openai.OpenAI(
                base_url=f"{url}/v1",
                api_key=self.api_key,
                max_retries=0,
                timeout=300,
                default_headers=None if self.keep_alive else {"Connection": "close"},
            )
            for url in self.base_urls
        ]

    def _work(self, number: int) -> None:
        clients = self.clients()
        try:
            for turn in itertools.count(number):
                if self._stop.is_set():
                    break
                client = clients[turn % len(clients)]
                tokens = self.max_tokens[turn % len(self.max_tokens)]
                prompt = PROMPTS[turn % len(PROMPTS)]
                self.seen.append(self.ask(client, prompt, tokens, streamed=(turn // 2) % 2 == 0))
        finally:
            for client in clients:
                client.close()

    def ask(self, client: openai.OpenAI, prompt: str, tokens: int, *, streamed: bool) -> Seen:
        """Send one request and write down what came of it; raises nothing of the client's."""
        import openai  # noqa: PLC0415 -- heavy, and only traffic needs it

        begin = time.monotonic()
        text, finish, used, first = "", None, 0, None
        outcome: Outcome = "answered"
        error = ""
        try:
            if streamed:
                stream = client.chat.completions.create(
                    model=self.model,
                    messages=[{"role": "user", "content": prompt}],
                    max_tokens=tokens,
                    stream=True,
                    stream_options={"include_usage": True},
                )
                for chunk in stream:
                    if chunk.usage:
                        used = chunk.usage.completion_tokens
                    for choice in chunk.choices:
                        if choice.delta.content and first is None:
                            first = time.monotonic() - begin
                        text += choice.delta.content or ""
                        finish = choice.finish_reason or finish
            else:
                answer = client.chat.completions.create(
                    model=self.model,
                    messages=[{"role": "user", "content": prompt}],
                    max_tokens=tokens,
                )
                text = answer.choices[0].message.content or ""
                finish = answer.choices[0].finish_reason
                used = answer.usage.completion_tokens if answer.usage else 0
        except openai.APIStatusError as problem:
            outcome, error = "failed", f"{problem.status_code} {problem.message}"
        except openai.APIError as problem:
            outcome, error = "dropped", f"{type(problem).__name__}: {problem}"
        if outcome == "answered" and (finish is None or used == 0):
            outcome, error = "dropped", "the answer broke off without a finish reason or usage"
        return Seen(begin, time.monotonic(), streamed, prompt, outcome, text, used, first, error)
