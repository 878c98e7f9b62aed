"""Errors in OpenAI's shape, and a loader's errors read into them."""

from __future__ import annotations

import json

import pytest

from node_scripts.proxy.openai_errors import (
    RequestRejectedError,
    error_body,
    rejected_by_loader,
    unsupported,
)


def test_error_bodies_have_all_four_fields_of_openai() -> None:
    """Clients read message, type, param and code; absent ones are null."""
    body = json.loads(error_body("no", type_="server_error"))
    assert body == {"error": {"message": "no", "type": "server_error", "param": None, "code": None}}


def test_rejections_carry_what_the_answer_needs() -> None:
    """Status, retry hint and body come from one object."""
    error = RequestRejectedError("full", status=429, type_="rate_limit_error", code="busy", retry_after_s=3)
    assert (error.status, error.retry_after_s, str(error)) == (429, 3, "full")
    assert json.loads(error.body())["error"]["code"] == "busy"
    assert unsupported("n", "Only 1.").param == "n"


@pytest.mark.parametrize(
    "text",
    [
        "generation thread died",
        "[METAL] Command buffer execution failed: Insufficient Memory",
        "[malloc_or_wait] Unable to allocate 70000000000 bytes.",
        "[Errno 2] No such file or directory: 'x/config.json'",
    ],
)
def test_a_loaders_own_failures_are_not_blamed_on_the_client(text: str) -> None:
    """A dead generation thread, a full memory, missing files: another node may do better."""
    assert rejected_by_loader(404, json.dumps({"error": text}).encode()) is None


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "max_tokens must be at least 1"),
        (404, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (404, "Only 'text' content type is supported."),
    ],
)
def test_a_loaders_refusals_become_400_of_the_client(status: int, text: str) -> None:
    """A chat template's complaint must not take the loader out of service."""
    error = rejected_by_loader(status, json.dumps({"error": text}).encode())
    assert error is not None
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert text in error.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"Not Found"),
        (404, b'{"error": {"message": "nested"}}'),
        (404, b'["error"]'),
        (404, b"\xff"),
        (404, b'{"error": "garnet:invalid:only-a-code"}'),
        (404, b"[" * 5000),
        (500, b'{"error": "text"}'),
        (411, b'{"error": "Content-Length header is required"}'),
    ],
)
def test_answers_of_no_known_shape_are_the_loaders_fault(status: int, body: bytes) -> None:
    """Only mlx_lm's error shape with 400 or 404 can be the client's fault."""
    assert rejected_by_loader(status, body) is None


def test_the_guards_inside_a_loader_name_code_and_parameter() -> None:
    """Their messages may contain colons and words of a loader's failure."""
    text = "garnet:invalid:context_length_exceeded:messages:9000 tokens: too many, out of memory"
    error = rejected_by_loader(404, json.dumps({"error": text}).encode())
    assert error is not None
    assert (error.status, error.code, error.param) == (400, "context_length_exceeded", "messages")
    assert error.message == "9000 tokens: too many, out of memory"


def test_a_guards_dash_means_no_parameter() -> None:
    """``-`` stands for null."""
    error = rejected_by_loader(404, b'{"error": "garnet:invalid:empty_prompt:-:nothing to do"}')
    assert error is not None
    assert error.param is None


def test_long_texts_of_a_loader_are_cut() -> None:
    """A loader may quote the whole prompt in its error."""
    error = rejected_by_loader(400, json.dumps({"error": "x" * 10_000}).encode())
    assert error is not None
    assert len(error.message) < 500
