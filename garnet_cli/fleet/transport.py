"""What a channel to a node is made of, however the node is reached."""

from __future__ import annotations

from typing import Protocol


class Stream(Protocol):
    """Bytes to and from one command that runs on a node."""

    def send(self, data: bytes) -> None:
        """Send all of ``data``, waiting while the node is slow. Raises ``OSError`` when it is gone."""

    def receive(self) -> bytes:
        """Return the next bytes; ``b""`` when the command has ended. Raises ``OSError``."""

    def end(self) -> None:
        """End the command's input, so that it ends and ``receive`` returns. Never raises."""

    def close(self) -> None:
        """Let go of everything, after ``end``, when no other thread uses the stream. Never raises."""

    def diagnosis(self) -> str:
        """Return what the command said on standard error, and how it ended; for an error's detail."""


class Transport(Protocol):
    """A way to one node."""

    def open(self, command: list[str]) -> Stream:
        """Run ``command`` on the node. Raises UnreachableError or HostKeyError."""
