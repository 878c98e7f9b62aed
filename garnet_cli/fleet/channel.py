"""Asks and replies over one stream to one agent."""

from __future__ import annotations

import json
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from garnet_cli.errors import GarnetError, LeaseHeldError, NodeError, UnreachableError
from garnet_cli.fleet.transport import Stream

PING_EVERY_S = 5.0
SILENCE_S = 45.0
"""An agent answers pings while a step runs; this long without a word means that it is gone."""
CHUNK_BYTES = 256 * 1024
DRAIN_BYTES = 8 * 1024 * 1024
"""A refused payload is sent to its end if no more than this is left, else the channel is closed."""
NOISE_LINES = 20
CLOSE_PATIENCE_S = 10.0

Payload = bytes | Iterable[bytes]
Progress = Callable[[Any], None]

_open_channels: weakref.WeakSet[AgentChannel] = weakref.WeakSet()


def close_open_channels() -> None:
    """Close every channel of this process, side by side: what Ctrl-C does.

    Steps in hand raise UnreachableError. Returns after 10 s at most: a lost node's channel dies with us.
    """
    closing = [threading.Thread(target=channel.close, daemon=True) for channel in list(_open_channels)]
    for thread in closing:
        thread.start()
    deadline = time.monotonic() + CLOSE_PATIENCE_S
    for thread in closing:
        thread.join(max(0.0, deadline - time.monotonic()))


class AgentChannel:
    """One agent. A single thread asks at a time; a second thread reads, a third pings."""

    def __init__(
        self, node: str, stream: Stream, archive: bytes, *, ping_every_s: float = PING_EVERY_S
    ) -> None:
        """Send the agent's code and begin to read. Errors show at the first ask."""
        self._node = node
        self._stream = stream
        self._archive = archive
        self._ping_every_s = ping_every_s
        self._replies: queue.Queue[dict[str, Any] | GarnetError] = queue.Queue()
        self._failure: GarnetError | None = None
        self._asking = 0
        self._identity = 0
        self._pinging = 0
        self._heard = time.monotonic()
        self._greeted = False
        self._noise: list[str] = []
        self._ended = threading.Event()
        self._started = threading.Event()
        self._sending = threading.Lock()
        self._closing = threading.Lock()
        self._reader = threading.Thread(target=self._read, name=f"read {node}", daemon=True)
        self._pinger = threading.Thread(target=self._ping, name=f"ping {node}", daemon=True)
        _open_channels.add(self)
        self._reader.start()
        self._pinger.start()

    @property
    def usable(self) -> bool:
        """Say whether another ask may succeed."""
        return self._failure is None and not self._ended.is_set()

    def ask(
        self,
        step: str,
        arguments: dict[str, Any],
        *,
        progress: Progress | None = None,
        payload: Payload = b"",
        payload_bytes: int | None = None,
    ) -> Any:
        """Run one step and return its value; ``progress`` hears its progress in this thread.

        An iterable payload needs ``payload_bytes``, the sum of its parts. Raises NodeError (LeaseHeldError)
        for a step that failed and UnreachableError when the channel broke.
        """
        if self._failure is not None:
            raise self._failure
        if not isinstance(payload, bytes) and payload_bytes is None:
            raise ValueError("an iterable payload needs payload_bytes")
        size = len(payload) if isinstance(payload, bytes) else int(payload_bytes or 0)
        self._identity += 1
        self._asking = self._identity
        line = _ask_line(self._identity, step, arguments, size)
        with self._sending:
            self._send(line)
            early = self._send_payload(payload, size, progress) if size else None
        return self._wait(early, progress)

    def close(self) -> None:
        """End the agent and let go; safe to repeat, from any thread."""
        with self._closing:
            if self._ended.is_set():
                return
            self._ended.set()
            self._started.set()  # a channel that was never asked anything has a pinger waiting for it
            self._stream.end()
            for thread in (self._reader, self._pinger):
                if thread is not threading.current_thread():
                    thread.join(SILENCE_S)
            self._stream.close()
            self._fail(UnreachableError("the channel was closed", node=self._node))
        _open_channels.discard(self)

    def _send(self, data: bytes) -> None:
        try:
            if self._archive:
                archive, self._archive = self._archive, b""
                self._stream.send(archive)
            self._stream.send(data)
            self._started.set()
        except OSError as error:
            raise self._broken_by(error) from error

    def _broken_by(self, error: OSError) -> GarnetError:
        """Return what the reader knows of the end, which says more than a failed write."""
        self._reader.join(1.0)
        return self._failure or UnreachableError(f"the connection broke: {error}", node=self._node)

    def _send_payload(
        self, payload: Payload, size: int, progress: Progress | None
    ) -> dict[str, Any] | GarnetError | None:
        """Send the payload; return the step's reply if it came before the end."""
        sent = 0
        early: dict[str, Any] | GarnetError | None = None
        for part in [payload] if isinstance(payload, bytes) else payload:
            for begin in range(0, len(part), CHUNK_BYTES):
                piece = part[begin : begin + CHUNK_BYTES]
                sent += len(piece)
                if sent > size:
                    self._abandon()
                    raise ValueError(f"the payload is longer than the {size} bytes announced")
                self._send(piece)
                early = early or self._poll(progress)
                if isinstance(early, GarnetError):
                    return early
                if early is not None and size - sent > DRAIN_BYTES:
                    self._abandon()
                    return early
        if sent != size:
            self._abandon()
            raise ValueError(f"the payload has {sent} bytes instead of the {size} announced")
        return early

    def _abandon(self) -> None:
        """Give the channel up in the middle of a payload: nothing else can follow on it."""
        self._fail(UnreachableError("the channel was given up within a payload", node=self._node))
        threading.Thread(target=self.close, name=f"close {self._node}", daemon=True).start()

    def _poll(self, progress: Progress | None) -> dict[str, Any] | GarnetError | None:
        """Take what has been replied so far; return a final reply or a failure."""
        while True:
            try:
                reply = self._replies.get_nowait()
            except queue.Empty:
                return None
            if isinstance(reply, GarnetError) or not self._is_progress(reply, progress):
                return reply

    def _is_progress(self, reply: dict[str, Any], progress: Progress | None) -> bool:
        if reply["kind"] != "progress":
            return False
        if progress:
            progress(reply["value"])
        return True

    def _wait(self, reply: dict[str, Any] | GarnetError | None, progress: Progress | None) -> Any:
        while reply is None:
            try:
                reply = self._replies.get(timeout=1.0)
            except queue.Empty:
                if time.monotonic() - self._heard > SILENCE_S:
                    message = f"the node has not answered for {SILENCE_S:.0f} s"
                    self._fail(UnreachableError(message, node=self._node, remedy="check the network to it"))
                continue
            if not isinstance(reply, GarnetError) and self._is_progress(reply, progress):
                reply = None
        if isinstance(reply, GarnetError):
            raise reply
        if reply["kind"] == "error":
            raise error_from(self._node, reply["value"])
        return reply["value"]

    def _read(self) -> None:
        rest = b""
        why = "the agent ended"
        try:
            while data := self._stream.receive():
                *lines, rest = (rest + data).split(b"\n")
                self._heard = time.monotonic()
                for line in lines:
                    self._take(line)
        except OSError as error:
            why = f"the connection broke: {error}"
        if rest:
            self._take(rest)
        if self._ended.is_set():
            why = "the channel was closed"
        detail = " / ".join([*self._noise, *self._stream.diagnosis().splitlines()[-3:]])
        message = f"{why} ({detail})" if detail and not self._ended.is_set() else why
        self._fail(
            UnreachableError(
                message, node=self._node, remedy="run the command again: what is done stays done"
            )
        )

    def _take(self, line: bytes) -> None:
        """Hand a reply to the asking thread; a login shell's own words before the first are noise."""
        try:
            reply = json.loads(line)
            identity, kind = reply["id"], reply["kind"]
        except (ValueError, KeyError, TypeError):
            if len(self._noise) < NOISE_LINES:
                self._noise.append(line[:200].decode(errors="replace"))
            return
        if identity == 0:
            self._greeted = True
            if kind == "error":
                self._fail(error_from(self._node, reply["value"]))
        elif identity == self._asking:
            self._replies.put(reply)

    def _fail(self, error: GarnetError) -> None:
        if self._failure is None:
            self._failure = error
            self._replies.put(error)

    def _ping(self) -> None:
        """Send a ping every few seconds unless bytes of an ask are on their way."""
        self._started.wait()
        while not self._ended.wait(self._ping_every_s):
            if not self._sending.acquire(blocking=False):
                continue
            try:
                self._stream.send(_ask_line(-1, "ping", {}, 0))
            except OSError:
                return  # the reader sees the end too, and says why
            finally:
                self._sending.release()


def error_from(node: str, value: dict[str, Any]) -> NodeError:
    """Turn an error reply into ours."""
    kind = LeaseHeldError if value.get("code") == "lease_held" else NodeError
    error = kind(
        str(value.get("message")),
        node=node,
        remedy=value.get("remedy"),
        code=str(value.get("code", "failed")),
    )
    if value.get("detail"):
        error.add_note(str(value["detail"]))
    return error


def _ask_line(identity: int, step: str, arguments: dict[str, Any], size: int) -> bytes:
    ask = {"id": identity, "do": step, "args": arguments, "payload_bytes": size}
    return json.dumps(ask, separators=(",", ":")).encode() + b"\n"
