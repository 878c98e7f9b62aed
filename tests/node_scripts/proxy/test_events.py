"""Splitting a stream into events and telling what they carry."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node_scripts.proxy.events import (
    BrokenStreamError,
    EventSplitter,
    data_of,
    has_content,
    is_done,
    usage_in,
)


def chunk(**choice: object) -> bytes:
    """Return an event with one choice."""
    body = {"id": "1", "choices": [{"index": 0, "finish_reason": None, **choice}]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 1}}\n\n'
DONE = b"data: [DONE]\n\n"
KEEPALIVE = b": keepalive 3/4\n\n"
STREAM = [KEEPALIVE, chunk(delta={"content": "a"}), b"data: {}\r\n\r\n", USAGE, DONE]


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=60))
def test_events_come_out_whole_however_the_bytes_are_cut(cuts: list[int]) -> None:
    """Any cutting of the stream gives the same events, byte for byte."""
    splitter, rest, events = EventSplitter(), b"".join(STREAM), []
    for size in [*cuts, len(rest)]:
        piece, rest = rest[:size], rest[size:]
        events += splitter.feed(piece)
    events += splitter.feed(rest)
    assert events == STREAM
    assert not splitter.pending


def test_an_unfinished_event_is_pending() -> None:
    """At the end of a stream it tells that the stream was cut off."""
    splitter = EventSplitter()
    assert splitter.feed(b'data: {"a": 1}\n') == []
    assert splitter.pending
    assert splitter.feed(b"\n") == [b'data: {"a": 1}\n\n']
    assert not splitter.pending


def test_an_endless_event_is_refused() -> None:
    """A broken peer cannot fill the memory."""
    splitter = EventSplitter(max_event_bytes=100)
    splitter.feed(b"x" * 100)
    with pytest.raises(BrokenStreamError):
        splitter.feed(b"x")


def test_an_event_too_long_in_one_piece_is_refused() -> None:
    """The limit holds for finished events too."""
    with pytest.raises(BrokenStreamError):
        EventSplitter(max_event_bytes=100).feed(b"x" * 200 + b"\n\n")


def test_events_within_the_limit_may_come_in_one_long_piece() -> None:
    """The limit is an event's, not a read's."""
    assert len(EventSplitter(max_event_bytes=100).feed(DONE * 50)) == 50


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: x\n\n", b"x"),
        (b"data:x\r\n\r\n", b"x"),
        (b"event: e\ndata: a\ndata: b\n\n", b"a\nb"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b": keepalive 1/2\n\n", None),
        (b"\n\n", None),
        (b"data: \n\n", b""),
    ],
)
def test_payloads_are_the_joined_data_lines(event: bytes, data: bytes | None) -> None:
    """As the standard on server-sent events has it; comments have none."""
    assert data_of(event) == data


def test_only_the_end_is_done() -> None:
    """The model may well say ``[DONE]`` itself."""
    assert is_done(DONE)
    assert is_done(b"data:[DONE]\r\n\r\n")
    assert not is_done(chunk(delta={"content": "[DONE]"}))
    assert not is_done(KEEPALIVE)


def test_only_the_last_chunk_is_usage() -> None:
    """A chunk with choices, a null usage and a model that talks of usage are not."""
    assert usage_in(USAGE) is not None
    assert usage_in(chunk(delta={"content": '"usage": {}, "choices": []'})) is None
    assert usage_in(b'data: {"choices": [], "usage": null}\n\n') is None
    assert usage_in(b'data: {"choices": [{"index": 0}], "usage": {}}\n\n') is None
    assert usage_in(b'data: "usage"\n\n') is None
    assert usage_in(DONE) is None


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (chunk(delta={"role": "assistant", "content": "a"}), True),
        (chunk(delta={"role": "assistant", "reasoning": "a"}), True),
        (chunk(delta={"role": "assistant", "tool_calls": [{"index": 0}]}), True),
        (chunk(text="a"), True),
        (chunk(delta={"role": "assistant"}), False),
        (chunk(delta={"role": "assistant", "content": ""}), False),
        (chunk(delta={"role": "assistant", "tool_calls": []}), False),
        (chunk(text=""), False),
        (USAGE, False),
        (DONE, False),
        (KEEPALIVE, False),
        (b"data: {broken\n\n", False),
    ],
)
def test_content_is_a_token_and_not_just_a_role(event: bytes, expected: bool) -> None:  # noqa: FBT001
    """The first of these is the first token."""
    assert has_content(event) is expected
