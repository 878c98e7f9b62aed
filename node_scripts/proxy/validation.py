"""Read a request once: refuse all that can hurt a loader, and make the body that a loader is sent.

What a loader is sent is built from known keys only (request_shapes), so the keys of OpenAI's API
that mlx_lm.server does not read (``user``, ``metadata``, ``store``, ``service_tier``,
``parallel_tool_calls``, ``reasoning_effort``, ``prediction`` …) are dropped: they would have had
no effect. So are ``adapters``, ``draft_model``, ``num_draft_tokens`` and ``role_mapping``, with
which a request could open files on the node or end its batching. What promises something that the
loader cannot keep (a JSON ``response_format``, ``n`` > 1, images, log probabilities while
streaming) is refused instead, because dropping it would answer another question than was asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import msgspec

from node_scripts.proxy.conversation import check_conversation
from node_scripts.proxy.openai_errors import RequestRejectedError, unsupported
from node_scripts.proxy.request_shapes import ChatRequest, ResponseFormat, TextRequest
from node_scripts.proxy.sampling import check_sampling

DIGEST_BYTES = 16
PREFIX_BYTES = 1024

_STREAMED = b',"stream":true,"stream_options":{"include_usage":true}}'
_PLACE = re.compile(r" - at (?:`key` in )?`\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
_JSON_PROBLEMS = (ValueError, RecursionError, OverflowError)


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the numbers in a request."""

    max_tokens: int
    """Largest max_tokens that a request may ask for."""
    context: int
    """Most tokens of prompt and completion together; max_tokens may not exceed it either."""
    vocabulary_size: int | None
    """Number of token ids of the model. ``None``: not served on this node, so that token ids and
    ``top_k`` are only checked for being sane (the serving node checks them again). 0: served here
    with a size that is not known, so that ``logit_bias`` and a positive ``top_k`` are refused: an
    id outside the vocabulary kills the loader."""


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request that may be sent to a loader."""

    kind: Literal["chat", "text"]
    model: str
    stream: bool
    """Whether the client asked for a stream."""
    include_usage: bool
    """Whether the client asked for the usage chunk at the end of its stream."""
    loader_stream: bool
    """Whether the loader is asked to stream: always but for log probabilities, which its stream drops."""
    loader_body: bytes
    digest: bytes
    """16 bytes that name what the loader is asked to do, however its answer is delivered."""
    greedy: bool
    """The most likely token is always taken: another loader gives the same answer."""
    prompt_prefix: bytes
    """The first KiB of the messages in JSON, or of the prompt."""


class _ModelOnly(msgspec.Struct, gc=False):
    model: str


_model_decoder = msgspec.json.Decoder(_ModelOnly)
_chat_decoder = msgspec.json.Decoder(ChatRequest)
_text_decoder = msgspec.json.Decoder(TextRequest)
_encoder = msgspec.json.Encoder()


def peek_model(body: bytes) -> str:
    """Return the model that a request names, without looking at the rest of it.

    Raises RequestRejectedError if the body is no JSON object or names no model.
    """
    try:
        model = _model_decoder.decode(body).model
    except _JSON_PROBLEMS as error:
        raise _not_decodable(error) from None
    return _checked_model(model)


def parse(kind: Literal["chat", "text"], body: bytes, limits: Limits) -> ParsedRequest:
    """Check a request's body and return what to send to a loader.

    Raises RequestRejectedError (status 400), and nothing else, for whatever bytes. Its message names
    keys and types, never values: what a client wrote is not to appear in a log.
    """
    try:
        request = _chat_decoder.decode(body) if kind == "chat" else _text_decoder.decode(body)
        return _parsed(kind, request, limits)
    except _JSON_PROBLEMS as error:
        raise _not_decodable(error) from None


def _parsed(
    kind: Literal["chat", "text"], request: ChatRequest | TextRequest, limits: Limits
) -> ParsedRequest:
    model = _checked_model(request.model)
    stream = request.stream is True
    options = request.stream_options
    include_usage = stream and options is not None and options.include_usage is True
    request.stream = None
    request.stream_options = None
    if isinstance(request, ChatRequest):
        check_conversation(request)
        _refuse_unsupported_of_chat(request)
    else:
        _check_prompt(request)
        _refuse_unsupported_of_text(request)
    check_sampling(
        request,
        most_tokens=min(limits.max_tokens, limits.context),
        context=limits.context,
        vocabulary_size=limits.vocabulary_size,
    )
    loader_stream = not request.logprobs
    if stream and not loader_stream:
        raise unsupported("logprobs", "Log probabilities are only available without 'stream'.")
    canonical = _encoder.encode(request)
    return ParsedRequest(
        kind=kind,
        model=model,
        stream=stream,
        include_usage=include_usage,
        loader_stream=loader_stream,
        loader_body=canonical[:-1] + _STREAMED if loader_stream else canonical,
        digest=blake2b(kind.encode() + canonical, digest_size=DIGEST_BYTES).digest(),
        greedy=not request.temperature,
        prompt_prefix=_prefix(request),
    )


def _checked_model(model: str) -> str:
    if not model:
        raise RequestRejectedError("'model' must not be empty.", param="model", code="invalid_value")
    return model


def _check_prompt(request: TextRequest) -> None:
    prompt = request.prompt
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str):
        request.prompt = prompt = prompt[0]
    if not isinstance(prompt, str):
        raise RequestRejectedError(
            "'prompt' must be one string: lists of prompts or of token ids are not supported.",
            param="prompt",
            code="invalid_type",
        )
    if not prompt:
        raise RequestRejectedError("'prompt' must not be empty.", param="prompt", code="invalid_value")


def _refuse_unsupported_of_chat(request: ChatRequest) -> None:
    _check_response_format(request.response_format)
    if request.modalities not in (None, ["text"]):
        raise unsupported("modalities", "Only text is served.")
    if request.audio is not None:
        raise unsupported("audio", "Only text is served.")
    if request.web_search_options is not None:
        raise unsupported("web_search_options", "Nothing is searched for a request.")
    request.response_format = request.modalities = None


def _refuse_unsupported_of_text(request: TextRequest) -> None:
    _check_response_format(request.response_format)
    if request.best_of not in (None, 1):
        raise unsupported("best_of", "Only 1 is served.")
    if request.echo:
        raise unsupported("echo", "The prompt is not repeated.")
    if request.suffix:
        raise unsupported("suffix", "Nothing can be inserted before a suffix.")
    request.response_format = request.best_of = request.echo = request.suffix = None


def _check_response_format(response_format: ResponseFormat | None) -> None:
    if response_format is not None and response_format.type != "text":
        raise unsupported("response_format", "The model's server can only answer with type 'text'.")


def _prefix(request: ChatRequest | TextRequest) -> bytes:
    if isinstance(request, TextRequest):
        return str(request.prompt)[:PREFIX_BYTES].encode()[:PREFIX_BYTES]
    prefix = b""
    for message in request.messages:
        prefix += _encoder.encode(message)
        if len(prefix) >= PREFIX_BYTES:
            break
    return prefix[:PREFIX_BYTES]


def _not_decodable(error: Exception) -> RequestRejectedError:
    text = str(error)
    if isinstance(error, msgspec.ValidationError):
        found = [pattern.search(text) for pattern in (_PLACE, _MISSING)]
        param = ".".join(match.group(1) for match in found if match)
        code = "missing_required_parameter" if found[1] else "invalid_type"
        return RequestRejectedError(f"The request is not valid: {text}", param=param or None, code=code)
    if isinstance(error, msgspec.DecodeError):
        return RequestRejectedError(f"The body is not valid JSON: {text}", code="invalid_json")
    if isinstance(error, RecursionError):
        return RequestRejectedError("The body is nested too deeply.", code="invalid_json")
    return RequestRejectedError("The body must be JSON in UTF-8.", code="invalid_json")
