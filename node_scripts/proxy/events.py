"""Server-sent events as bytes: split a stream into whole events and tell what they carry."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from node_scripts.proxy.usage import Usage, usage_of

LARGEST_EVENT_BYTES = 8 * 1024 * 1024
"""mlx_lm sends a tool call in one event, however long its arguments are."""

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LONGEST_BLANK_LINE = 4


class BrokenStreamError(Exception):
    """A loader's stream is not what it should be; nothing more of it can be trusted."""


class EventSplitter:
    """Cut a byte stream into events, at blank lines (LF or CRLF, as all known servers write them)."""

    def __init__(self, max_event_bytes: int = LARGEST_EVENT_BYTES) -> None:
        """Refuse events, finished or not, of more than ``max_event_bytes``."""
        self._max_event_bytes = max_event_bytes
        self._buffer = bytearray()
        self._searched = 0

    @property
    def pending(self) -> bool:
        """Tell whether bytes of an unfinished event are held: at the stream's end it was cut off."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the events that ``data`` finished, raw and each with its blank line.

        Raises BrokenStreamError if an event grows beyond the limit.
        """
        buffer = self._buffer
        buffer += data
        events = []
        start = 0
        position = self._searched
        while found := _BLANK_LINE.search(buffer, position):
            position = found.end()
            self._check_size(position - start)
            events.append(bytes(buffer[start:position]))
            start = position
        del buffer[:start]
        self._searched = max(0, len(buffer) - _LONGEST_BLANK_LINE)
        self._check_size(len(buffer))
        return events

    def _check_size(self, size: int) -> None:
        if size > self._max_event_bytes:
            raise BrokenStreamError(f"an event of the stream is longer than {self._max_event_bytes} bytes")


def data_of(event: bytes) -> bytes | None:
    """Return the payload of an event's ``data`` lines; ``None`` for comments such as keep-alives."""
    if event.startswith(b"data: ") and event.find(b"\n") >= len(event) - 2:
        return event[6:].rstrip(b"\r\n")
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def is_done(event: bytes) -> bool:
    """Tell whether this is the ``[DONE]`` that ends every complete stream."""
    return b"[DONE]" in event and data_of(event) == b"[DONE]"


def usage_in(event: bytes) -> Usage | None:
    """Return the counts of the last chunk, which has no choices; ``None`` for any other event."""
    if b'"usage"' not in event:
        return None
    chunk = _chunk_of(event)
    if chunk is None or chunk.usage is None or chunk.choices:
        return None
    return usage_of(chunk.usage)


def has_content(event: bytes) -> bool:
    """Tell whether the event carries a piece of the answer: text, reasoning or a tool call."""
    chunk = _chunk_of(event)
    return chunk is not None and any(choice.has_content() for choice in chunk.choices)


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct, gc=False):
    text: str | None = None
    delta: _Delta | None = None

    def has_content(self) -> bool:
        delta = self.delta
        if delta is None:
            return bool(self.text)
        return bool(delta.content or delta.reasoning or delta.tool_calls)


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] = []
    usage: Any = None


_decoder = msgspec.json.Decoder(_Chunk)


def _chunk_of(event: bytes) -> _Chunk | None:
    data = data_of(event)
    if data is None:
        return None
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError):
        return None
