"""Reading requests: what is refused, what is changed, what is sent to a loader."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
import pytest

from node_scripts.proxy.openai_errors import RequestRejectedError
from node_scripts.proxy.request_shapes import ChatRequest
from node_scripts.proxy.validation import Limits, ParsedRequest, parse, peek_model
from tests.node_scripts.proxy.harmful_requests import Harmful, chat, harmful_requests, text

LIMITS = Limits(max_tokens=1000, context=4096, vocabulary_size=300)
STREAMING = {"stream": True, "stream_options": {"include_usage": True}}
HARMFUL = harmful_requests("m")


def parse_chat(**changes: Any) -> ParsedRequest:
    """Parse a small chat request with changes."""
    return parse("chat", chat("m", **changes), LIMITS)


def sent(parsed: ParsedRequest) -> dict[str, Any]:
    """Return the body for the loader."""
    body: dict[str, Any] = json.loads(parsed.loader_body)
    return body


def refusal(kind: Literal["chat", "text"], body: bytes, limits: Limits = LIMITS) -> RequestRejectedError:
    """Return the error that refuses this body."""
    with pytest.raises(RequestRejectedError) as caught:
        parse(kind, body, limits)
    return caught.value


@pytest.mark.parametrize("row", HARMFUL, ids=lambda row: row.name)
def test_harmful_requests_are_refused_or_made_harmless(row: Harmful) -> None:
    """Refusals are a 400 in OpenAI's shape with a message of their own."""
    if not row.refused:
        assert parse(row.kind, row.body, LIMITS).model == "m"
        return
    error = refusal(row.kind, row.body)
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert error.message
    assert error.code


def test_a_plain_request_reaches_the_loader_as_it_is_but_streamed() -> None:
    """Everything that mlx_lm.server reads and survives is kept."""
    wish = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "xtc_probability": 0.1,
        "xtc_threshold": 0.2,
        "repetition_penalty": 1.1,
        "repetition_context_size": 64,
        "presence_penalty": 0.5,
        "presence_context_size": 30,
        "frequency_penalty": -0.5,
        "frequency_context_size": 31,
        "logit_bias": {"5": -100.0},
        "stop": ["\n\n", "END"],
        "seed": 42,
        "max_tokens": 12,
        "max_completion_tokens": 11,
        "chat_template_kwargs": {"enable_thinking": False, "reasoning_effort": "low", "budget": 5},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": 2}}}],
    }
    assert sent(parse_chat(**wish)) == {**json.loads(chat("m", **wish)), **STREAMING}


def test_the_order_of_keys_in_tools_is_kept() -> None:
    """Templates print tools as they come: another order would be another prompt."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": {"c": 1, "b": 2}}}}]
    assert json.dumps(tools) == json.dumps(sent(parse_chat(tools=tools))["tools"])


@pytest.mark.parametrize(
    "key",
    [
        "adapters",
        "draft_model",
        "num_draft_tokens",
        "role_mapping",
        "user",
        "metadata",
        "store",
        "service_tier",
        "parallel_tool_calls",
        "tool_choice",
        "prompt",
        "whatever",
    ],
)
def test_keys_that_a_loader_must_not_or_does_not_read_are_dropped(key: str) -> None:
    """Whatever their value."""
    for value in ("x", 5, {"a": [1]}, None):
        assert sent(parse_chat(**{key: value})) == sent(parse_chat())


def test_nulls_are_as_good_as_nothing() -> None:
    """OpenAI's clients send null for what is not set; mlx_lm.server refuses it."""
    given = {"model", "messages", "max_tokens"}
    nulls = {field.name: None for field in msgspec.structs.fields(ChatRequest) if field.name not in given}
    assert len(nulls) >= 30
    assert parse_chat(**nulls) == parse_chat()


@pytest.mark.parametrize(
    ("changes", "stream", "include_usage"),
    [
        ({}, False, False),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": False, "stream_options": {"include_usage": True}}, False, False),
    ],
)
def test_the_loader_streams_with_usage_whatever_the_client_asked(
    changes: dict[str, Any],
    stream: bool,  # noqa: FBT001
    include_usage: bool,  # noqa: FBT001
) -> None:
    """What the client asked is told beside it; the digest is the same."""
    parsed = parse_chat(**changes)
    assert (parsed.stream, parsed.include_usage, parsed.loader_stream) == (stream, include_usage, True)
    assert sent(parsed) == sent(parse_chat())
    assert parsed.digest == parse_chat().digest


def test_log_probabilities_are_asked_for_without_a_stream() -> None:
    """mlx_lm.server's stream drops them."""
    parsed = parse_chat(logprobs=True, top_logprobs=3)
    assert not parsed.loader_stream
    assert "stream" not in sent(parsed)
    assert (sent(parsed)["logprobs"], sent(parsed)["top_logprobs"]) == (True, 3)
    assert parse_chat(logprobs=False, top_logprobs=0) == parse_chat()


@pytest.mark.parametrize("count", [0, 5])
def test_the_number_of_log_probabilities_of_text_completions_is_translated(count: int) -> None:
    """OpenAI's older API has one number for both."""
    body = sent(parse("text", text("m", logprobs=count), LIMITS))
    assert (body["logprobs"], body["top_logprobs"]) == (True, count)
    assert refusal("text", text("m", logprobs=12)).param == "logprobs"
    assert refusal("chat", chat("m", logprobs=1)).param == "logprobs"


def test_top_p_of_0_takes_the_likeliest_token_as_openai_has_it() -> None:
    """mlx_lm takes it for off, which would be the opposite."""
    parsed = parse_chat(top_p=0, temperature=1, seed=1)
    assert sent(parsed)["temperature"] == 0
    assert {"top_p", "seed"}.isdisjoint(sent(parsed))
    assert parsed.greedy
    assert parsed.digest == parse_chat(temperature=0).digest
    assert sent(parse_chat(top_p=1e-9, temperature=1))["top_p"] == 1e-9
    assert refusal("chat", chat("m", top_p=-0.1)).param == "top_p"


def test_seeds_are_sent_only_where_they_matter() -> None:
    """At temperature 0 a seed would only cost the batch; negative ones become unsigned."""
    assert "seed" not in sent(parse_chat(seed=1))
    assert sent(parse_chat(seed=1, temperature=1))["seed"] == 1
    assert sent(parse_chat(seed=-1, temperature=1))["seed"] == 2**64 - 1


def test_greedy_means_the_same_answer_elsewhere() -> None:
    """Temperature 0 is mlx_lm.server's default."""
    assert parse_chat().greedy
    assert parse_chat(temperature=0).greedy
    assert parse_chat(temperature=1e-9).greedy
    assert not parse_chat(temperature=0.2).greedy


def test_integers_are_sent_as_floats_where_the_loader_wants_floats() -> None:
    """mlx_lm.server refuses ``xtc_probability: 1``."""
    assert b'"xtc_probability":1.0' in parse_chat(xtc_probability=1).loader_body


def test_developers_become_systems() -> None:
    """Templates know no developer."""
    assert sent(parse_chat(messages=[{"role": "developer", "content": "x"}]))["messages"] == [
        {"role": "system", "content": "x"}
    ]


def test_messages_keep_what_templates_read() -> None:
    """Tool calls, their results, reasoning, names, parts of text."""
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "a"}], "name": "n"},
        {
            "role": "assistant",
            "reasoning": "r",
            "reasoning_content": "c",
            "tool_calls": [
                {"function": {"name": "f", "arguments": '{"a": 1}'}, "id": "1", "type": "function"}
            ],
        },
        {"role": "tool", "content": "12", "tool_call_id": "1"},
    ]
    assert sent(parse_chat(messages=messages))["messages"] == messages


def test_what_a_loader_answered_can_be_sent_back() -> None:
    """Clients append the answer's message as it is, with its nulls."""
    answer: dict[str, Any] = dict.fromkeys(("content", "refusal", "audio", "function_call"))
    answer["role"] = "assistant"
    function = {"name": "f", "arguments": ""}
    answer["tool_calls"] = [{"id": "1", "type": "function", "index": 0, "function": function}]
    question = {"role": "user", "content": "x"}
    body = sent(parse_chat(messages=[question, answer]))
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_the_choice_of_no_tool_leaves_the_tools_out() -> None:
    """The one choice that can be kept."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert "tools" not in sent(parse_chat(tools=tools, tool_choice="none"))
    assert "tools" in sent(parse_chat(tools=tools, tool_choice="auto"))
    assert "tools" not in sent(parse_chat(tools=[]))


@pytest.mark.parametrize(
    ("size", "changes", "param"),
    [
        (300, {"top_k": 299}, None),
        (300, {"top_k": 300}, "top_k"),
        (300, {"logit_bias": {"299": 1}}, None),
        (300, {"logit_bias": {"300": 1}}, "logit_bias"),
        (None, {"top_k": 10**6, "logit_bias": {"1000000": 1}}, None),
        (None, {"logit_bias": {"x": 1}}, "logit_bias"),
        (0, {"top_k": 0, "logit_bias": {}}, None),
        (0, {"top_k": 1}, "top_k"),
        (0, {"logit_bias": {"1": 1}}, "logit_bias"),
    ],
)
def test_token_ids_must_be_the_vocabularys(
    size: int | None, changes: dict[str, Any], param: str | None
) -> None:
    """``None`` is served elsewhere, 0 is of unknown size and served here."""
    limits = Limits(max_tokens=10, context=10, vocabulary_size=size)
    if param is None:
        parse("chat", chat("m", **changes), limits)
    else:
        assert refusal("chat", chat("m", **changes), limits).param == param


def test_max_tokens_are_bounded_by_the_limit_and_the_context() -> None:
    """The loader itself would go on for ever."""
    small = Limits(max_tokens=1000, context=64, vocabulary_size=None)
    parse("chat", chat("m", max_tokens=64), small)
    assert refusal("chat", chat("m", max_tokens=65), small).param == "max_tokens"
    assert refusal("chat", chat("m", max_completion_tokens=1001)).param == "max_completion_tokens"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        (b'{"messages": []}', "model", "missing_required_parameter"),
        (b'{"model": "m"}', "messages", "missing_required_parameter"),
        (b'{"model": "m", "messages": [{}]}', "messages[0].role", "missing_required_parameter"),
        (b'{"model": "m", "messages": [{"role": 5}]}', "messages[0].role", "invalid_type"),
        (b'{"model": "", "messages": [{"role": "user"}]}', "model", "invalid_value"),
        (b"{", None, "invalid_json"),
    ],
)
def test_errors_name_the_key(body: bytes, param: str | None, code: str) -> None:
    """By its path."""
    error = refusal("chat", body)
    assert (error.param, error.code) == (param, code)


def test_digests_name_the_kind_and_the_work() -> None:
    """The same request twice has one digest; another prompt, parameter or kind another one."""
    digests = [
        parse_chat().digest,
        parse_chat(max_tokens=5).digest,
        parse_chat(messages=[{"role": "user", "content": "x"}]).digest,
        parse("text", text("m"), LIMITS).digest,
    ]
    assert len(set(digests)) == len(digests)
    assert {len(digest) for digest in digests} == {16}
    reordered = json.dumps(dict(reversed(json.loads(chat("m")).items())), indent=3).encode()
    assert parse("chat", reordered, LIMITS).digest == digests[0]


def test_prefixes_begin_the_conversation() -> None:
    """At most a KiB, and the same for conversations that begin alike."""
    first = {"role": "system", "content": "x" * 900}
    one = parse_chat(messages=[first, {"role": "user", "content": "y" * 900}]).prompt_prefix
    other = parse_chat(messages=[first, {"role": "user", "content": "z" * 900}], temperature=1).prompt_prefix
    assert len(one) == len(other) == 1024
    assert one[:900] == other[:900]
    assert parse("text", text("m", prompt="é" * 2000), LIMITS).prompt_prefix == "é".encode() * 512


def test_peeking_reads_the_model_alone() -> None:
    """Whatever else the body holds."""
    assert peek_model(b'{"messages": [5], "model": "m"}') == "m"
    for body in (b"", b"{}", b'{"model": 5}', b'{"model": ""}', b"\xff", b"[" * 10_000, b'{"model": "\xff"}'):
        with pytest.raises(RequestRejectedError):
            peek_model(body)
