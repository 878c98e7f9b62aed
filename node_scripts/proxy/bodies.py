"""The memory that the bodies of all requests together may take."""

from __future__ import annotations

from node_scripts.proxy import refusals

MAX_HELD_BYTES = 256 * 1024 * 1024


class BodyBudget:
    """Counts the bytes of the requests that are read or answered now."""

    def __init__(self, limit_bytes: int = MAX_HELD_BYTES) -> None:
        """Hold nothing, and never more than ``limit_bytes``."""
        self.limit_bytes = limit_bytes
        self.held_bytes = 0

    def take(self, count: int) -> None:
        """Hold ``count`` more bytes. Raises RequestRejectedError: 503 beyond the limit."""
        if self.held_bytes + count > self.limit_bytes:
            raise refusals.overloaded()
        self.held_bytes += count

    def give_back(self, count: int) -> None:
        """Hold ``count`` bytes less."""
        self.held_bytes -= count
