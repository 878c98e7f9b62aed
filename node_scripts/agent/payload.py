"""Raw bytes that follow an ask, handed from the reading thread to the step that wants them."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from node_scripts.agent.errors import StepError
from node_scripts.agent.wire import CHUNK_BYTES, ChannelEndedError, Incoming

QUEUED_CHUNKS = 16
"""Chunks that may wait for a slow disk before the operator is made to wait."""


class Payload:
    """The payload of one ask."""

    def __init__(self, size: int) -> None:
        """Expect ``size`` bytes."""
        self.size = size
        self._chunks: queue.Queue[bytes | ChannelEndedError | None] = queue.Queue(QUEUED_CHUNKS)
        self._unwanted = threading.Event()

    def receive(self, incoming: Incoming) -> None:
        """Pass all bytes from the channel on; returns when the last one is read.

        Raises ``ChannelEndedError``, here and in the step that waits for the bytes.
        """
        left = self.size
        while left:
            try:
                chunk = incoming.take(min(left, CHUNK_BYTES))
            except ChannelEndedError as error:
                self._hand_over(error)
                raise
            left -= len(chunk)
            self._hand_over(chunk)
        self._hand_over(None)

    def _hand_over(self, chunk: bytes | ChannelEndedError | None) -> None:
        while not self._unwanted.is_set():
            try:
                self._chunks.put(chunk, timeout=0.1)
            except queue.Full:
                continue
            return

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in the order sent; once only. Raises ``ChannelEndedError``."""
        while (chunk := self._chunks.get()) is not None:
            if isinstance(chunk, ChannelEndedError):
                raise chunk
            yield chunk

    def refuse(self) -> None:
        """Let what is left run into nothing: the step has ended."""
        self._unwanted.set()


def store_payload(
    payload: Payload, path: Path, sha256: str, told: Callable[[int], None] = lambda _done: None
) -> None:
    """Write the payload to ``path``: a temporary name beside it, hash checked, fsync, rename.

    ``told`` hears the bytes written so far. Raises ``StepError`` (``damaged``) when the hash differs and
    ``OSError`` when the disk fails; ``path`` is then untouched.
    """
    temporary = path.with_name(f".{path.name}.part")
    digest = hashlib.sha256()
    done = 0
    try:
        with temporary.open("wb") as stream:
            for chunk in payload.chunks():
                digest.update(chunk)
                stream.write(chunk)
                done += len(chunk)
                told(done)
            stream.flush()
            os.fsync(stream.fileno())
        if digest.hexdigest() != sha256:
            raise StepError(
                "damaged",
                f"{path.name} arrived with SHA-256 {digest.hexdigest()[:12]} instead of {sha256[:12]}",
                remedy="run the command again",
            )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
