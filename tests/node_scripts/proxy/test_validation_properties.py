"""What holds for every body: it is parsed or rejected, and no rejection repeats what a client wrote."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node_scripts.proxy.openai_errors import RequestRejectedError
from node_scripts.proxy.request_shapes import ChatRequest, TextRequest
from node_scripts.proxy.validation import Limits, parse
from tests.node_scripts.proxy.harmful_requests import Harmful, chat, harmful_requests, text

LIMITS = Limits(max_tokens=1000, context=4096, vocabulary_size=300)
HARMFUL = harmful_requests("m")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
KEYS = sorted({field.name for shape in (ChatRequest, TextRequest) for field in msgspec.structs.fields(shape)})


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["chat", "text"]))
def test_no_bytes_raise_anything_but_a_rejection(body: bytes, kind: Literal["chat", "text"]) -> None:
    """Random bytes."""
    _parse_or_reject(kind, body)
    _parse_or_reject(kind, b'{"model":"m","messages":[{"role":"user","content":"' + body + b'"}]}')


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4), st.sampled_from(["chat", "text"]))
def test_no_values_raise_anything_but_a_rejection(
    changes: dict[str, Any], kind: Literal["chat", "text"]
) -> None:
    """Valid requests with random JSON for known keys."""
    valid = {"model": "m", "prompt": "p", "messages": [{"role": "user", "content": "c"}]}
    _parse_or_reject(kind, json.dumps({**valid, **changes}).encode())


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["role", "content", "tool_calls", "name", "reasoning"]), JSON))
def test_no_messages_raise_anything_but_a_rejection(message: dict[str, Any]) -> None:
    """Random JSON inside of messages."""
    _parse_or_reject("chat", chat("m", messages=[{"role": "assistant", **message}]))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(HARMFUL), st.integers(0, 300), st.binary(max_size=3), st.integers(0, 3))
def test_no_mutation_raises_anything_but_a_rejection(row: Harmful, at: int, new: bytes, gone: int) -> None:
    """Requests with a few bytes replaced."""
    _parse_or_reject(row.kind, row.body[:at] + new + row.body[at + gone :])


def _parse_or_reject(kind: Literal["chat", "text"], body: bytes) -> None:
    try:
        parsed = parse(kind, body, LIMITS)
    except RequestRejectedError as error:
        assert json.loads(error.body())["error"]["message"]  # noqa: PT017 -- either outcome is right
        return
    assert isinstance(json.loads(parsed.loader_body), dict)


CANARY = "canary7f3a"
CANARIES = st.recursive(
    st.just(CANARY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(CANARY), inner),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KEYS), CANARIES)
def test_errors_never_repeat_what_a_client_wrote(key: str, value: Any) -> None:
    """Messages and parameters name keys and types only: they may be logged."""
    cases: list[tuple[Literal["chat", "text"], bytes]] = [("chat", chat("m")), ("text", text("m"))]
    for kind, valid in cases:
        try:
            parse(kind, json.dumps({**json.loads(valid), key: value}).encode(), LIMITS)
        except RequestRejectedError as error:
            assert CANARY not in f"{error.message} {error.param}"  # noqa: PT017


@pytest.mark.parametrize("place", ["role", "content", "type", "arguments", "kwargs", "bias", "json"])
def test_errors_do_not_repeat_deep_values_either(place: str) -> None:
    """Values that msgspec or a check could have quoted."""
    call = {"function": {"name": "f", "arguments": CANARY}}
    bodies = {
        "role": chat("m", messages=[{"role": CANARY, "content": "x"}]),
        "content": chat("m", messages=[{"role": "user", "content": [CANARY]}]),
        "type": chat("m", messages=[{"role": "user", "content": [{"type": CANARY}]}]),
        "arguments": chat("m", messages=[{"role": "assistant", "tool_calls": [call]}]),
        "kwargs": chat("m", chat_template_kwargs={CANARY: [1]}),
        "bias": chat("m", logit_bias={CANARY: 1}),
        "json": CANARY.encode(),
    }
    with pytest.raises(RequestRejectedError) as caught:
        parse("chat", bodies[place], LIMITS)
    error = caught.value
    assert CANARY not in f"{error.message} {error.param}"
