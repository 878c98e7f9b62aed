"""Requests that kill, block or mislead an unguarded mlx_lm.server, or that it answers wrongly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Harmful:
    """One request; ``refused`` if no harmless form of it exists."""

    name: str
    kind: Literal["chat", "text"]
    body: bytes
    refused: bool = True


def chat(model: str, /, **changes: Any) -> bytes:
    """Return a small chat request with changes."""
    messages = [{"role": "user", "content": "Say something."}]
    return json.dumps({"model": model, "messages": messages, "max_tokens": 4, **changes}).encode()


def text(model: str, /, **changes: Any) -> bytes:
    """Return a small text completion with changes."""
    return json.dumps({"model": model, "prompt": "Say something.", "max_tokens": 4, **changes}).encode()


def harmful_requests(model: str) -> list[Harmful]:
    """Return the table for a served model of less than 1000 token ids."""
    return [*_bodies(model), *_prompts(model), *_messages(model), *_parameters(model), *_neutralised(model)]


def _bodies(model: str) -> list[Harmful]:
    valid = chat(model)
    return [
        Harmful("not JSON", "chat", b"the whole body would be logged"),
        Harmful("no body", "chat", b""),
        Harmful("not UTF-8", "chat", valid.replace(b"Say", b"\xff\xfe")),
        Harmful("UTF-16", "chat", valid.decode().encode("utf-16")),
        Harmful("not an object", "chat", b"[]"),
        Harmful("null", "text", b"null"),
        Harmful("nested beyond any stack", "chat", valid[:-1] + b',"tools":' + b"[" * 100_000),
        Harmful("NaN", "chat", valid[:-1] + b',"temperature":NaN}'),
        Harmful("Infinity", "chat", valid[:-1] + b',"logit_bias":{"1":Infinity}}'),
        Harmful("lone surrogate in a stop", "chat", valid[:-1] + b',"stop":["\\ud800 "]}'),
        Harmful("lone surrogate in a message", "chat", valid.replace(b"Say", b"\\udc00 ")),
        Harmful("no model", "chat", b'{"messages":[{"role":"user","content":"x"}]}'),
        Harmful("no messages", "chat", json.dumps({"model": model}).encode()),
        Harmful("no prompt", "text", json.dumps({"model": model}).encode()),
    ]


def _prompts(model: str) -> list[Harmful]:
    prompts: list[Any] = ["", ["a", "b"], [1, 2], [[1]], [], 5, None, {"a": 1}, True]
    return [Harmful(f"prompt {prompt!r}", "text", text(model, prompt=prompt)) for prompt in prompts]


def _messages(model: str) -> list[Harmful]:
    image = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/secret"}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{not json"}}
    messages: list[tuple[str, Any]] = [
        ("no list", "hello"),
        ("empty", []),
        ("a string for a message", ["hello"]),
        ("no role", [{"content": "x"}]),
        ("unknown role", [{"role": "root", "content": "x"}]),
        ("content of a number", [{"role": "user", "content": 5}]),
        ("no content", [{"role": "user"}]),
        ("a string for a part", [{"role": "user", "content": ["x"]}]),
        ("a part without text", [{"role": "user", "content": [{"type": "text"}]}]),
        ("an image to fetch", [{"role": "user", "content": [image]}]),
        ("an image of no URL", [{"role": "user", "content": [{"type": "image", "image": 5}]}]),
        ("audio", [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
        ("arguments that are no JSON", [{"role": "assistant", "tool_calls": [call]}]),
        ("a tool call of nothing", [{"role": "assistant", "tool_calls": [{}]}]),
    ]
    return [Harmful(f"messages: {name}", "chat", chat(model, messages=value)) for name, value in messages]


def _parameters(model: str) -> list[Harmful]:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"properties": deep}
    function = {"name": "f", "parameters": deep}
    rows: list[dict[str, Any]] = [
        {"stop": [123]},
        {"stop": 5},
        {"stop": {"a": 1}},
        {"stop": [["a"]]},
        {"stop": ["a", ""]},
        {"stop": ["a", "b", "c", "d", "e"]},
        {"stop": "x" * 5000},
        {"logit_bias": {"1000000": 1}},
        {"logit_bias": {"-1": 1}},
        {"logit_bias": {"99999999999999999999999": 1}},
        {"logit_bias": {"²": 1}},
        {"logit_bias": {"word": 1}},
        {"logit_bias": {"1": None}},
        {"logit_bias": {"1": 1000}},
        {"logit_bias": [1]},
        {"top_k": 100_000, "temperature": 1},
        {"top_k": 10**30, "temperature": 1},
        {"top_k": -1, "temperature": 1},
        {"xtc_threshold": 0.9, "xtc_probability": 1, "temperature": 1},
        {"temperature": -1},
        {"temperature": 10**400},
        {"temperature": "hot"},
        {"temperature": True},
        {"top_p": 1.5},
        {"min_p": -0.5},
        {"presence_penalty": 10**30},
        {"frequency_penalty": -50},
        {"repetition_penalty": 10**300},
        {"repetition_penalty": -1},
        {"repetition_penalty": 1.1, "repetition_context_size": 10**30},
        {"presence_penalty": 1, "presence_context_size": -3},
        {"max_tokens": 0},
        {"max_tokens": 10**9},
        {"max_completion_tokens": 10**9},
        {"max_tokens": "5"},
        {"seed": 10**40},
        {"seed": "1"},
        {"logprobs": True, "top_logprobs": 12},
        {"logprobs": True, "stream": True},
        {"stream": "yes"},
        {"stream_options": 5},
        {"n": 2},
        {"response_format": {"type": "json_object"}},
        {"model": 5},
        {"tools": ["f"]},
        {"tools": [{"type": "function"}]},
        {"tools": [{"type": "function", "function": {"name": 5}}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"properties": {"x": True}}}}
            ]
        },
        {"tools": [{"type": "function", "function": function}]},
        {"chat_template_kwargs": [["a", "b"]]},
        {"chat_template_kwargs": {"a": {"b": 1}}},
        {"chat_template_kwargs": {"tokenize": False}},
        {"chat_template_kwargs": {"chat_template": "{% for i in range(99999) %}{% endfor %}"}},
        {"chat_template_kwargs": {"truncation": True, "max_length": 0}},
        {"functions": [{"name": "f"}]},
        {"modalities": ["text", "audio"]},
    ]
    return [Harmful(f"{row!r:.60}", "chat", chat(model, **row)) for row in rows]


def _neutralised(model: str) -> list[Harmful]:
    """Return what hurts as it is and has a harmless form."""
    rows: list[dict[str, Any]] = [
        {"adapters": "/etc"},
        {"draft_model": "/etc"},
        {"draft_model": ["a"]},
        {"num_draft_tokens": -1},
        {"role_mapping": {"user": 5}},
        {"stream_options": {}, "stream": True},
        {"stream_options": {"include_usage": None}, "stream": True},
        {"temperature": None, "top_p": None, "stop": None, "stream": None, "logprobs": None},
        {"temperature": 5e-324},
        {"seed": -1, "temperature": 1},
        {"seed": 2**63 - 1, "temperature": 1},
        {"xtc_probability": 1, "xtc_threshold": 0, "temperature": 1},
        {"repetition_penalty": 1.1, "repetition_context_size": 0},
        {"logit_bias": {"0007": 5, "7": -5}},
        {"logprobs": True, "top_logprobs": 11},
        {"stop": []},
        {"messages": [{"role": "assistant", "content": None}]},
        {"messages": [{"role": "developer", "content": ""}, {"role": "user", "content": []}]},
    ]
    harmless = [Harmful(f"{row!r:.60}", "chat", chat(model, **row), refused=False) for row in rows]
    harmless.append(Harmful("prompt of one string", "text", text(model, prompt=["a"]), refused=False))
    harmless.append(Harmful("a number of logprobs", "text", text(model, logprobs=5), refused=False))
    return harmless
