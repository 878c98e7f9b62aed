"""One client request on its way through the proxy."""

from __future__ import annotations

from node_scripts.proxy.request_note import RequestNote
from node_scripts.proxy.validation import ParsedRequest


class Call:
    """A validated request and what has happened to it so far."""

    __slots__ = (
        "arrived",
        "attempts",
        "deadline",
        "forwarded",
        "note",
        "parsed",
        "path",
        "request_id",
        "suspect",
        "tried",
    )

    def __init__(
        self,
        parsed: ParsedRequest,
        path: str,
        *,
        request_id: str,
        forwarded: bool,
        suspect: bool,
        arrived: float,
        queue_timeout_s: float,
        note: RequestNote,
    ) -> None:
        """Note a request that came at ``arrived`` (the loop's seconds) for ``path``."""
        self.parsed = parsed
        self.note = note
        self.path = path
        self.request_id = request_id
        self.forwarded = forwarded
        self.suspect = suspect
        """It was in flight when a loader died: it passes through isolation lanes only."""
        self.arrived = arrived
        self.deadline = arrived + queue_timeout_s
        """When waiting for a place ends, all attempts together."""
        self.attempts = 0
        self.tried: set[str] = set()
        """Names of the loaders and peers where it failed."""
