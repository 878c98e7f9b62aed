"""Making an unstreamed answer of a stream."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from node_scripts.proxy.assembly import PlainAnswer
from node_scripts.proxy.events import BrokenStreamError

HEAD = {"id": "c1", "system_fingerprint": "f", "model": "m", "created": 7}
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def event(reason: str | None = None, **choice: Any) -> bytes:
    """Return one chunk as a loader streams it."""
    choices = [{"index": 0, "finish_reason": reason, **choice}]
    return json.dumps({**HEAD, "object": "chat.completion.chunk", "choices": choices}).encode()


def usage() -> bytes:
    """Return the usage chunk."""
    return json.dumps({**HEAD, "choices": [], "usage": USAGE}).encode()


def assembled(kind: Literal["chat", "text"], *events: bytes) -> dict[str, Any]:
    """Return the answer made of these chunks and a usage chunk."""
    answer = PlainAnswer(kind)
    for data in (*events, usage(), b"[DONE]"):
        answer.add(data)
    body: dict[str, Any] = json.loads(answer.finish())
    return body


def test_chat_content_is_joined() -> None:
    """The parts are those of an unstreamed chat completion, in its order."""
    body = assembled(
        "chat",
        event(delta={"role": "assistant", "content": "Pa"}),
        event(delta={"role": "assistant", "content": "ris"}),
        event("stop", delta={"role": "assistant"}),
    )
    message = {"role": "assistant", "content": "Paris"}
    assert body == {
        **HEAD,
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": USAGE,
    }


def test_an_answer_of_nothing_has_null_content() -> None:
    """As mlx_lm.server answers it."""
    body = assembled("chat", event("stop", delta={"role": "assistant"}))
    assert body["choices"][0]["message"] == {"role": "assistant", "content": None}


def test_text_is_joined_and_never_null() -> None:
    """Text completions have a text, if only an empty one."""
    assert assembled("text", event(text="a"), event("length", text="b"))["choices"] == [
        {"index": 0, "finish_reason": "length", "text": "ab"}
    ]
    body = assembled("text", event("stop", text=""))
    assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "")


def test_reasoning_is_kept_apart() -> None:
    """Reasoning and content each have their own key."""
    body = assembled(
        "chat",
        event(delta={"reasoning": "hm"}),
        event(delta={"reasoning": "m", "content": "yes"}),
        event("stop", delta={}),
    )
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "yes", "reasoning": "hmm"}


def test_tool_calls_are_merged_by_index_and_lose_it() -> None:
    """Whole calls as mlx_lm sends them, and pieces of arguments as others do."""
    whole = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    first = {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": '{"x"'}}
    second = {"index": 1, "function": {"arguments": ": 1}"}}
    body = assembled(
        "chat",
        event(delta={"tool_calls": [whole]}),
        event(delta={"tool_calls": [first]}),
        event("tool_calls", delta={"tool_calls": [second]}),
    )
    assert body["choices"][0]["message"]["tool_calls"] == [
        {"function": {"name": "f", "arguments": "{}"}, "type": "function", "id": "a"},
        {"function": {"name": "g", "arguments": '{"x": 1}'}, "type": "function", "id": "b"},
    ]
    assert body["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    "events",
    [
        [],
        [event(delta={"content": "a"})],
        [event(delta={"content": "a"}), usage()],
        [event("stop", delta={"content": "a"})],
        [usage()],
    ],
)
def test_a_stream_that_was_cut_off_is_never_passed_off_as_complete(events: list[bytes]) -> None:
    """Without a finish reason or without usage there is no answer."""
    answer = PlainAnswer("chat")
    for data in events:
        answer.add(data)
    with pytest.raises(BrokenStreamError):
        answer.finish()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"choices": 3}',
        b'{"choices": [{"index": 1, "text": "second"}]}',
        b'{"error": {"message": "died"}}',
    ],
)
def test_what_is_no_chunk_breaks_the_stream(data: bytes) -> None:
    """Malformed chunks, more than one choice, and errors in mid-stream."""
    with pytest.raises(BrokenStreamError):
        PlainAnswer("text").add(data)


def test_a_null_usage_is_no_usage() -> None:
    """OpenAI sends ``"usage": null`` in every chunk but the last."""
    answer = PlainAnswer("text")
    answer.add(b'{"choices": [{"index": 0, "finish_reason": "stop", "text": "a"}], "usage": null}')
    with pytest.raises(BrokenStreamError):
        answer.finish()
