"""Every request that is known to harm a bare mlx_lm.server, sent to a real fleet by a client."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.fleet.asking import CHAT, TEXT, Answer, active_loader, chat, post, ready_loader, send_and_leave
from tests.fleet.rack import Rack, RackNode, eventually

pytestmark = pytest.mark.fleet

MODEL = "tiny"
CONTEXT = 2048
BODY_LIMIT = 1024 * 1024
CANARY = "canary-7f3a-never-in-a-log"


@pytest.fixture(scope="module")
def node(tiny_model_a: Path) -> Iterator[RackNode]:
    """Return the one node of a fleet that serves a tiny model."""
    with Rack(["one"]) as rack:
        rack.proxy["max_body_mb"] = 1
        rack.serve(MODEL, tiny_model_a, context=CONTEXT)
        rack.up()
        node = rack.node("one")
        eventually(lambda: ready_loader(node, MODEL), "the loader is ready")
        yield node


@pytest.fixture(autouse=True)
def loader_lives(node: RackNode) -> Iterator[None]:
    """Check after each test that the same loader process, with the same model, serves the next request."""
    before = active_loader(node, MODEL)
    yield
    after = active_loader(node, MODEL)
    assert (after["pid"], after["state"], after["errors"]) == (before["pid"], "ready", before["errors"])
    assert after["stats"]["load_misses"] == 1
    assert post(node, chat(MODEL)).status == 200


def assert_refused(answer: Answer, status: int, param: str | None, code: str) -> None:
    """Check the status and the four keys that OpenAI's clients read."""
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (answer.status, error["type"], error["code"]) == (status, "invalid_request_error", code)
    assert error["param"] == param
    assert error["message"]


def text(prompt: Any, **more: Any) -> dict[str, Any]:
    """Return the body of a completion request."""
    return {"model": MODEL, "prompt": prompt, "max_tokens": 4, **more}


REFUSED: dict[str, tuple[str, bytes | dict[str, Any], int, str | None, str]] = {
    "model is a path": (CHAT, chat("/etc"), 404, "model", "model_not_found"),
    "model is a repository": (CHAT, chat("mlx-community/other-4bit"), 404, "model", "model_not_found"),
    "model is the loader's alias": (CHAT, chat("default_model"), 404, "model", "model_not_found"),
    "body is not JSON": (CHAT, CANARY.encode(), 400, None, "invalid_json"),
    "body is not UTF-8": (TEXT, b'{"model": "tiny", "prompt": "\xff\xfe"}', 400, None, "invalid_json"),
    "body is nested deeply": (
        CHAT,
        b'{"model": "tiny", "tools": ' + b"[" * 100_000,
        400,
        None,
        "invalid_json",
    ),
    "prompt has no tokens": (TEXT, text(""), 400, "prompt", "invalid_value"),
    "prompt is a list": (TEXT, text(["a", "b"]), 400, "prompt", "invalid_type"),
    "prompt is token ids": (TEXT, text([1, 2, 3]), 400, "prompt", "invalid_type"),
    "prompt is beyond the context": (TEXT, text("a b " * CONTEXT), 400, "prompt", "context_length_exceeded"),
    "chat is beyond the context": (
        CHAT,
        chat(MODEL, "a b " * CONTEXT),
        400,
        "messages",
        "context_length_exceeded",
    ),
    "no messages": (CHAT, chat(MODEL, messages=[]), 400, "messages", "empty_array"),
    "template renders nothing": (
        CHAT,
        chat(MODEL, "", chat_template_kwargs={"chat_template": ""}),
        400,
        "chat_template_kwargs",
        "unsupported_parameter",
    ),
    "stop is a number in a list": (CHAT, chat(MODEL, stop=[123]), 400, "stop[0]", "invalid_type"),
    "bias outside the vocabulary": (
        CHAT,
        chat(MODEL, logit_bias={"999999": 5}),
        400,
        "logit_bias",
        "invalid_value",
    ),
    "negative bias id": (CHAT, chat(MODEL, logit_bias={"-1": 5}), 400, "logit_bias", "invalid_value"),
    "top_k beyond the vocabulary": (CHAT, chat(MODEL, top_k=100_000), 400, "top_k", "invalid_value"),
    "messages is text": (CHAT, chat(MODEL, messages="hello"), 400, "messages", "invalid_type"),
    "temperature is text": (CHAT, chat(MODEL, temperature="hot"), 400, "temperature", "invalid_type"),
    "max_tokens is text": (CHAT, chat(MODEL) | {"max_tokens": "4"}, 400, "max_tokens", "invalid_type"),
    "max_tokens is negative": (CHAT, chat(MODEL, max_tokens=-1), 400, "max_tokens", "invalid_value"),
    "logit_bias is a list": (CHAT, chat(MODEL, logit_bias=[1]), 400, "logit_bias", "invalid_type"),
    "stream_options is text": (
        CHAT,
        chat(MODEL, stream=True, stream_options="x"),
        400,
        "stream_options",
        "invalid_type",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_openai_would(node: RackNode, name: str) -> None:
    """The client is told what is wrong; the loader never notices."""
    path, body, status, param, code = REFUSED[name]
    assert_refused(post(node, body, path), status, param, code)


def test_a_huge_body_is_refused_in_words(node: RackNode) -> None:
    """The client that still sends reads the refusal instead of a broken connection, and sends no more."""
    with (
        openai.OpenAI(base_url=f"{node.url}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as caught,
    ):
        client.completions.create(model=MODEL, prompt="x" * (8 * BODY_LIMIT))
    assert caught.value.status_code == 413
    assert caught.value.code == "request_too_large"


def test_what_cannot_be_read_is_in_no_log(node: RackNode) -> None:
    """A body that is not JSON, or not a valid request, appears nowhere on the node's disk."""
    bodies = [
        CANARY.encode(),
        json.dumps(chat(MODEL, CANARY, stop=[CANARY, 1])).encode(),
        b'"' + CANARY.encode(),
    ]
    for body in bodies:
        assert post(node, body).status == 400
    assert post(node, chat(MODEL, CANARY)).status == 200
    holding = [
        path for path in node.root.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()
    ]
    assert holding == []


def test_images_are_refused_and_nobody_is_called(node: RackNode) -> None:
    """A client cannot have a node fetch what the client cannot reach."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/cat.png"
        parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": url}}]
        answer = post(node, chat(MODEL, messages=[{"role": "user", "content": parts}]))
        assert answer.status == 400
        assert answer.json["error"]["param"].startswith("messages")
        assert answer.json["error"]["code"]
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "more",
    [
        {"adapters": "/etc"},
        {"draft_model": "/etc", "num_draft_tokens": 3},
        {"role_mapping": {"user": "x"}},
        {"seed": 7},
    ],
    ids=lambda more: next(iter(more)),
)
def test_served_without_what_would_harm(node: RackNode, more: dict[str, Any]) -> None:
    """What would load, open or change something on the node is not passed on: the answer is the same."""
    assert post(node, chat(MODEL, max_tokens=8, **more)).text == post(node, chat(MODEL, max_tokens=8)).text


def test_a_seed_is_kept_where_it_means_something(node: RackNode) -> None:
    """The same seed gives the same sample."""
    body = chat(MODEL, max_tokens=12, temperature=1.5, seed=11)
    assert post(node, body).text == post(node, body).text


def test_a_prompt_that_equals_a_cached_sequence_is_served(node: RackNode) -> None:
    """The prompt, and the prompt with its own answer, exactly as the loader holds them in its cache."""
    first = post(node, text("Once upon a time", max_tokens=8), TEXT)
    longer = text("Once upon a time" + first.text, max_tokens=8)
    answers = [post(node, body, TEXT) for body in (text("Once upon a time", max_tokens=8), longer, longer)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[1].text == answers[2].text


def test_a_stream_with_empty_options_ends_properly(node: RackNode) -> None:
    """No usage was asked for, so there is none; the end is marked."""
    answer = post(node, chat(MODEL, stream=True, stream_options={}))
    events = [line for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    assert events[-1] == "data: [DONE]"
    assert "finish_reason" in events[-2]
    assert not any(json.loads(event[6:]).get("usage") for event in events[:-1])


def test_an_abandoned_plain_request_is_not_finished_for_nobody(node: RackNode) -> None:
    """The loader stops soon after the client has gone, though the client asked for no stream."""
    before = active_loader(node, MODEL)["stats"]["generated_tokens"]
    connection = send_and_leave(node, chat(MODEL, "a long story", max_tokens=CONTEXT - 200))
    eventually(lambda: active_loader(node, MODEL)["stats"]["generated_tokens"] > before, "it generates")
    connection.close()
    eventually(lambda: active_loader(node, MODEL)["in_flight"] == 0, "the place is free", 5)
    eventually(lambda: not active_loader(node, MODEL)["stats"]["decode"], "the loader generates no more", 5)
    generated = active_loader(node, MODEL)["stats"]["generated_tokens"] - before
    assert generated < CONTEXT - 200
