"""What is noted of a completion request from its arrival to its end: figures and the operator's names."""

from __future__ import annotations

import time
from typing import Literal

from node_scripts.proxy.error_codes import recorded
from node_scripts.proxy.usage import NO_USAGE, Usage
from node_scripts.records import UNKNOWN_MODEL, RequestRecord

OK = 200


class RequestNote:
    """One request so far. Times are ``time.monotonic``; ``loop.time`` has milliseconds only."""

    __slots__ = (
        "arrived",
        "cancelled",
        "error",
        "first_token_at",
        "forwarded",
        "key",
        "model",
        "queued_s",
        "served_by",
        "stream",
        "usage",
    )

    def __init__(self) -> None:
        """Begin when the request has arrived."""
        self.arrived = time.monotonic()
        self.model = UNKNOWN_MODEL
        self.key = ""
        self.forwarded = False
        self.stream = False
        self.served_by = ""
        self.queued_s = 0.0
        self.first_token_at: float | None = None
        self.usage: Usage = NO_USAGE
        self.error = ""
        self.cancelled = False

    def begin_attempt(self, served_by: str) -> None:
        """Forget the attempt before: its answer is not the client's."""
        self.served_by = served_by
        self.first_token_at = None
        self.usage = NO_USAGE

    def first_token(self) -> None:
        """Note that the first token has come."""
        self.first_token_at = time.monotonic()

    def fail(self, code: str | None) -> None:
        """Note the error that the client is told."""
        self.error = recorded(code)

    def record(self, status: int) -> RequestRecord:
        """Return the record of the request, which has ended with ``status`` (0: nothing was sent)."""
        now = time.monotonic()
        usage = self.usage if status == OK else NO_USAGE
        outcome: Literal["answered", "error", "cancelled"] = "answered"
        if self.cancelled:
            outcome = "cancelled"
        elif self.error:
            outcome = "error"
        first = self.first_token_at
        return RequestRecord(
            end_unix=round(time.time(), 6),
            model=self.model,
            outcome=outcome,
            error="" if self.cancelled else self.error,
            status=status,
            stream=self.stream,
            key=self.key,
            forwarded=self.forwarded,
            served_by=self.served_by,
            prompt_tokens=usage.prompt,
            cached_tokens=usage.cached,
            completion_tokens=usage.completion,
            latency_ms=_ms(now - self.arrived),
            first_token_ms=None if first is None else _ms(first - self.arrived),
            queue_ms=_ms(self.queued_s),
        )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
