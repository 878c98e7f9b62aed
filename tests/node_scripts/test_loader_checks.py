"""What a loader refuses, decided on plain values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_scripts.loader_checks import (
    InvalidRequestError,
    allowed_tokens,
    check_messages,
    check_numbers,
    check_pinned,
    check_prompt,
    check_stop_words,
    check_template_arguments,
    check_tools,
    check_vocabulary,
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_error_text_carries_code_parameter_and_message() -> None:
    """The proxy reads the parts back out of the text."""
    assert str(InvalidRequestError("code", None, "why: so")) == "garnet:invalid:code:-:why: so"
    assert len(str(InvalidRequestError("code", "stop", "x" * 10_000))) < 500


@given(value=JSON_VALUES)
def test_no_json_value_breaks_a_check(value: Any) -> None:
    """Whatever a client sends, a check passes it or raises its own error."""
    for check in (check_messages, check_tools, check_stop_words, check_template_arguments):
        try:
            check(value)
        except InvalidRequestError as error:
            assert str(error).startswith("garnet:invalid:")  # noqa: PT017 -- most values pass


def test_only_the_served_name_and_the_default_are_taken() -> None:
    """Any other model, adapter or draft model is refused."""
    check_pinned("m", "default_model", None, name="m")
    check_pinned("default_model", "default_model", None, name="m")
    for model, draft, adapter in (
        ("M", "default_model", None),
        ("m", None, None),
        ("m", "default_model", ""),
    ):
        with pytest.raises(InvalidRequestError):
            check_pinned(model, draft, adapter, name="m")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, -(10**400), None, "1", 1e7])
def test_number_of_no_ordinary_size_is_refused(value: Any) -> None:
    """NaN, infinities and boundless integers never reach arithmetic."""
    with pytest.raises(InvalidRequestError) as refused:
        check_numbers({"temperature": value}, None)
    assert refused.value.param == "temperature"


def test_ordinary_numbers_pass() -> None:
    """What clients really send is let through."""
    check_numbers({"temperature": 0.7, "top_p": 1, "presence_penalty": -2.0, "xtc_threshold": 0.5}, 42)


def test_vocabulary_bounds_are_exact() -> None:
    """The last token id may be biased, the one after it not; top_k must leave something out."""
    check_vocabulary({0: 1.0, 303: -100.0}, 303, vocabulary=304)
    for bias, top_k in (({304: 1.0}, 0), ({-1: 1.0}, 0), ({5: float("nan")}, 0), (None, 304)):
        with pytest.raises(InvalidRequestError):
            check_vocabulary(bias, top_k, vocabulary=304)


@pytest.mark.parametrize("prompt", [[], "text", None, [304], [-1], ["a"], {"input_ids": [1]}])
def test_prompt_without_known_tokens_is_refused(prompt: Any) -> None:
    """A chat template can hand back anything; only tokens of this model go on."""
    with pytest.raises(InvalidRequestError):
        check_prompt(prompt, vocabulary=304, param="messages")


def test_context_is_counted_as_openai_words_it() -> None:
    """Asked-for tokens must fit exactly; those not asked for are cut to fit."""
    assert allowed_tokens(10, 54, implied=False, context=64, param="messages") == 54
    assert allowed_tokens(10, 512, implied=True, context=64, param="messages") == 54
    with pytest.raises(InvalidRequestError) as refused:
        allowed_tokens(10, 55, implied=False, context=64, param="messages")
    assert refused.value.code == "context_length_exceeded"
    assert (
        "maximum context length is 64 tokens. However, you requested 65 tokens (10 in the messages, "
        in str(refused.value)
    )
    with pytest.raises(InvalidRequestError):
        allowed_tokens(64, 512, implied=True, context=64, param="prompt")
