"""Make one unstreamed answer of a loader's stream, as mlx_lm.server itself would have sent it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from node_scripts.proxy.events import BrokenStreamError
from node_scripts.proxy.usage import Usage, usage_of


class _ToolCallPiece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: dict[str, Any] | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_ToolCallPiece] | None = None


class _Piece(msgspec.Struct):
    index: int = 0
    finish_reason: str | None = None
    text: str | None = None
    delta: _Delta | None = None


class _Chunk(msgspec.Struct):
    id: str | None = None
    system_fingerprint: str | None = None
    model: str | None = None
    created: int | None = None
    choices: list[_Piece] = []
    usage: dict[str, Any] | None = None
    error: Any = None


class _ToolCall(msgspec.Struct):
    function: dict[str, Any]
    type: str
    id: str


class _Message(msgspec.Struct):
    role: str
    content: str | None
    reasoning: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[_ToolCall] | msgspec.UnsetType = msgspec.UNSET


class _Choice(msgspec.Struct):
    index: int
    finish_reason: str
    text: str | msgspec.UnsetType = msgspec.UNSET
    message: _Message | msgspec.UnsetType = msgspec.UNSET


class _Answer(msgspec.Struct):
    id: str | None
    system_fingerprint: str | None
    object: str
    model: str | None
    created: int | None
    choices: list[_Choice]
    usage: dict[str, Any]


_decoder = msgspec.json.Decoder(_Chunk)
_encoder = msgspec.json.Encoder()


class PlainAnswer:
    """Collects the chunks of one stream (of one choice: ``n`` is always 1)."""

    def __init__(self, kind: Literal["chat", "text"]) -> None:
        """Start with nothing; ``kind`` chooses between a chat completion and a text completion."""
        self._kind = kind
        self._first: _Chunk | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._tool_calls: dict[int, _ToolCall] = {}
        self._finish_reason: str | None = None
        self._usage: dict[str, Any] | None = None

    def add(self, data: bytes) -> None:
        """Take the payload of one event; ``[DONE]`` adds nothing.

        Raises BrokenStreamError for anything but a chunk, an error in mid-stream included.
        """
        if data == b"[DONE]":
            return
        try:
            chunk = _decoder.decode(data)
        except (ValueError, RecursionError) as error:
            raise BrokenStreamError("an event of the stream is not a chunk of a completion") from error
        if chunk.error is not None:
            raise BrokenStreamError("the stream ended with an error")
        if self._first is None:
            self._first = chunk
        if chunk.usage is not None:
            self._usage = chunk.usage
        for piece in chunk.choices:
            self._add_piece(piece)

    def finish(self) -> bytes:
        """Return the whole answer as JSON; usage is passed on as the loader counted it.

        Raises BrokenStreamError if the stream told no finish reason or no usage: it was cut off.
        """
        if self._first is None or self._finish_reason is None or self._usage is None:
            raise BrokenStreamError("the stream ended before its finish reason and usage")
        choice = _Choice(index=0, finish_reason=self._finish_reason)
        if self._kind == "chat":
            choice.message = self._message()
        else:
            choice.text = "".join(self._text)
        answer = _Answer(
            id=self._first.id,
            system_fingerprint=self._first.system_fingerprint,
            object="chat.completion" if self._kind == "chat" else "text_completion",
            model=self._first.model,
            created=self._first.created,
            choices=[choice],
            usage=self._usage,
        )
        return _encoder.encode(answer)

    @property
    def usage(self) -> Usage:
        """The counts that the answer tells."""
        return usage_of(self._usage)

    def _message(self) -> _Message:
        message = _Message(role="assistant", content="".join(self._text) or None)
        if self._reasoning:
            message.reasoning = "".join(self._reasoning)
        if self._tool_calls:
            message.tool_calls = [self._tool_calls[index] for index in sorted(self._tool_calls)]
        return message

    def _add_piece(self, piece: _Piece) -> None:
        if piece.index != 0:
            raise BrokenStreamError("the stream carries more than one choice")
        if piece.finish_reason is not None:
            self._finish_reason = piece.finish_reason
        if piece.text:
            self._text.append(piece.text)
        delta = piece.delta
        if delta is None:
            return
        if delta.content:
            self._text.append(delta.content)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        for call in delta.tool_calls or ():
            self._add_tool_call(call)

    def _add_tool_call(self, piece: _ToolCallPiece) -> None:
        index = len(self._tool_calls) if piece.index is None else piece.index
        call = self._tool_calls.get(index)
        if call is None:
            call = _ToolCall(function={}, type="function", id="")
            self._tool_calls[index] = call
        call.id = piece.id or call.id
        call.type = piece.type or call.type
        for key, value in (piece.function or {}).items():
            if key == "arguments":
                call.function[key] = call.function.get(key, "") + (value or "")
            elif value is not None:
                call.function[key] = value
