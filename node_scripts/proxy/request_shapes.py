"""The typed shapes of the two kinds of request: what is decoded, and what a loader is sent.

Only what mlx_lm.server reads has a place here, so everything else a client sends is dropped while
decoding. Optional fields are ``None`` by default and left out when encoding: OpenAI's clients send
null for what they do not set, and mlx_lm.server refuses null for most parameters.

No field is an enumeration or a tagged union: msgspec's errors would repeat the client's text.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

Temperature = Annotated[float, Meta(ge=0, le=2)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
RepetitionPenalty = Annotated[float, Meta(ge=0, le=10)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
TopLogprobs = Annotated[int, Meta(ge=-1, le=11)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Scalar = str | int | float | bool | None


class Part(Struct, gc=False):
    """One part of a message's content; only parts of type ``text`` are served."""

    type: str
    text: str | None = None


class FunctionCall(Struct, omit_defaults=True):
    """The function of a tool call that the model made earlier."""

    name: str
    arguments: str | dict[str, Any] | None = None


class ToolCall(Struct, omit_defaults=True):
    """A tool call that the model made earlier."""

    function: FunctionCall
    id: str | None = None
    type: str | None = None


class Message(Struct, omit_defaults=True):
    """One message, with the keys that chat templates read."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    thinking: str | None = None
    function_call: Any = None
    audio: Any = None


class StreamOptions(Struct):
    """``include_obfuscation`` and the like are dropped: a loader knows none of it."""

    include_usage: bool | None = None


class ResponseFormat(Struct):
    """Only ``{"type": "text"}`` can be kept."""

    type: str


class Request(Struct, kw_only=True, omit_defaults=True):
    """What both kinds of request share. Fields that a loader must not see are set to ``None``."""

    model: str
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: Temperature | None = None
    top_p: Probability | None = None
    top_k: Count | None = None
    min_p: Probability | None = None
    xtc_probability: Probability | None = None
    xtc_threshold: Annotated[float, Meta(ge=0, le=0.5)] | None = None
    repetition_penalty: RepetitionPenalty | None = None
    repetition_context_size: Count | None = None
    presence_penalty: Penalty | None = None
    presence_context_size: Count | None = None
    frequency_penalty: Penalty | None = None
    frequency_context_size: Count | None = None
    logit_bias: dict[str, Bias] | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    logprobs: bool | int | None = None
    top_logprobs: TopLogprobs | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class ChatRequest(Request, kw_only=True, omit_defaults=True):
    """The body of ``/v1/chat/completions``."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None = None
    chat_template_kwargs: dict[str, Scalar] | None = None
    tool_choice: Any = None
    response_format: ResponseFormat | None = None
    modalities: list[str] | None = None
    functions: Any = None
    function_call: Any = None
    audio: Any = None
    web_search_options: Any = None


class TextRequest(Request, kw_only=True, omit_defaults=True):
    """The body of ``/v1/completions``. A prompt of several parts is told apart after decoding."""

    prompt: str | list[Any]
    best_of: int | None = None
    echo: bool | None = None
    suffix: str | None = None
    response_format: ResponseFormat | None = None
