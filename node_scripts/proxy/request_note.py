"""What is noted of a completion request from its arrival to its end: figures and the operator's names."""

from __future__ import annotations

import time

import msgspec

from node_scripts.proxy.error_codes import recorded
from node_scripts.proxy.usage import NO_USAGE, Usage
from node_scripts.records import UNKNOWN_MODEL

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

    def line(self, status: int) -> RequestLine:
        """Return the record of the request, which has ended with ``status`` (0: nothing was sent)."""
        arrived, first = self.arrived, self.first_token_at
        prompt, cached, completion = self.usage if status == OK else NO_USAGE
        outcome = "cancelled" if self.cancelled else "error" if self.error else "answered"
        return RequestLine(
            end_unix=time.time(),
            model=self.model,
            outcome=outcome,
            error="" if self.cancelled else self.error,
            status=status,
            stream=self.stream,
            key=self.key,
            forwarded=self.forwarded,
            served_by=self.served_by,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            latency_ms=round((time.monotonic() - arrived) * 1000, 3),
            first_token_ms=None if first is None else round((first - arrived) * 1000, 3),
            queue_ms=round(self.queued_s * 1000, 3) if self.queued_s else 0.0,
        )


class RequestLine(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """records.RequestRecord as it is written: made and encoded in a third of the time."""

    end_unix: float
    model: str
    outcome: str
    error: str = ""
    status: int = OK
    stream: bool = False
    key: str = ""
    forwarded: bool = False
    served_by: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    queue_ms: float = 0.0
