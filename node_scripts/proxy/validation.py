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
from node_scripts.proxy.openai_errors import RequestRejectedError
from node_scripts.proxy.request_shapes import ChatRequest, Request, ResponseFormat, TextRequest

DIGEST_BYTES = 16
PREFIX_BYTES = 1024
MOST_STOPS = 4
LONGEST_STOP = 1024
COLDEST_TEMPERATURE = 1e-4
"""Below it a temperature is 0: its reciprocal would overflow the loader's 32-bit floats."""

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
    _check_sampling(request, limits)
    loader_stream = not request.logprobs
    if stream and not loader_stream:
        raise _unsupported("logprobs", "Log probabilities are only available without 'stream'.")
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
        raise _unsupported("modalities", "Only text is served.")
    if request.audio is not None:
        raise _unsupported("audio", "Only text is served.")
    if request.web_search_options is not None:
        raise _unsupported("web_search_options", "Nothing is searched for a request.")
    request.response_format = request.modalities = None


def _refuse_unsupported_of_text(request: TextRequest) -> None:
    _check_response_format(request.response_format)
    if request.best_of not in (None, 1):
        raise _unsupported("best_of", "Only 1 is served.")
    if request.echo:
        raise _unsupported("echo", "The prompt is not repeated.")
    if request.suffix:
        raise _unsupported("suffix", "Nothing can be inserted before a suffix.")
    request.response_format = request.best_of = request.echo = request.suffix = None


def _check_response_format(response_format: ResponseFormat | None) -> None:
    if response_format is not None and response_format.type != "text":
        raise _unsupported("response_format", "The model's server can only answer with type 'text'.")


def _check_sampling(request: Request, limits: Limits) -> None:
    if request.n not in (None, 1):
        raise _unsupported("n", "Only one choice is served.")
    request.n = None
    most = min(limits.max_tokens, limits.context)
    for name in ("max_tokens", "max_completion_tokens"):
        _check_range(name, getattr(request, name), 1, most)
    for name in ("repetition_context_size", "presence_context_size", "frequency_context_size"):
        _check_range(name, getattr(request, name), 0, limits.context)
    if request.temperature is not None and request.temperature < COLDEST_TEMPERATURE:
        request.temperature = 0.0
    if request.seed is not None:
        # Without sampling a seed changes nothing, but with one a loader serves one at a time.
        request.seed = request.seed % 2**64 if request.temperature else None
    _check_logprobs(request)
    _check_vocabulary(request, limits.vocabulary_size)
    _check_stop(request)


def _check_logprobs(request: Request) -> None:
    """Bring both of OpenAI's spellings to mlx_lm.server's: a bool and the number of alternatives."""
    logprobs = request.logprobs
    if isinstance(logprobs, int) and not isinstance(logprobs, bool):
        if isinstance(request, ChatRequest):
            raise RequestRejectedError("'logprobs' must be a bool.", param="logprobs", code="invalid_type")
        _check_range("logprobs", logprobs, 0, 11)
        request.logprobs, request.top_logprobs = True, logprobs
    if request.top_logprobs is not None and request.top_logprobs > 0:
        request.logprobs = True
    if not request.logprobs:
        request.logprobs = request.top_logprobs = None


def _check_vocabulary(request: Request, size: int | None) -> None:
    if size == 0 and (request.logit_bias or request.top_k):
        name = "logit_bias" if request.logit_bias else "top_k"
        raise _unsupported(name, "The size of this model's vocabulary is not known.")
    ids = size or 2**31
    _check_range("top_k", request.top_k, 0, ids - 1)
    _check_range("top_logprobs", request.top_logprobs, -1, ids - 1)
    if not request.logit_bias:
        request.logit_bias = None
        return
    bias = {}
    for key, value in request.logit_bias.items():
        if not (key.isascii() and key.isdigit() and len(key) <= 10 and int(key) < ids):  # noqa: PLR2004
            raise RequestRejectedError(
                "Every key of 'logit_bias' must be a token id of the model's vocabulary.",
                param="logit_bias",
                code="invalid_value",
            )
        bias[str(int(key))] = value
    request.logit_bias = bias


def _check_stop(request: Request) -> None:
    stop = request.stop
    if not stop:
        request.stop = None
        return
    stops = [stop] if isinstance(stop, str) else stop
    if len(stops) > MOST_STOPS:
        raise RequestRejectedError(
            f"'stop' may hold at most {MOST_STOPS} strings.", param="stop", code="array_above_max_length"
        )
    if not all(0 < len(text) <= LONGEST_STOP for text in stops):
        raise RequestRejectedError(
            f"Every string of 'stop' must have 1 to {LONGEST_STOP} characters.",
            param="stop",
            code="invalid_value",
        )


def _check_range(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise RequestRejectedError(
            f"'{name}' must be from {low} to {high} for this model.", param=name, code="invalid_value"
        )


def _prefix(request: ChatRequest | TextRequest) -> bytes:
    if isinstance(request, TextRequest):
        return str(request.prompt)[:PREFIX_BYTES].encode()[:PREFIX_BYTES]
    prefix = b""
    for message in request.messages:
        prefix += _encoder.encode(message)
        if len(prefix) >= PREFIX_BYTES:
            break
    return prefix[:PREFIX_BYTES]


def _unsupported(param: str, reason: str) -> RequestRejectedError:
    return RequestRejectedError(
        f"'{param}' is not supported: {reason}", param=param, code="unsupported_parameter"
    )


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
