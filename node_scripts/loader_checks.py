"""What a loader refuses before it reaches the generation thread: pure checks on plain values.

The proxy validates too; these checks know the model's tokenizer and vocabulary, and hold whatever
stands in front. Each raises InvalidRequestError, whose text the proxy turns into OpenAI's error shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MOST_STOP_WORDS = 16
LONGEST_STOP_WORD = 1024
LONGEST_MESSAGE = 400
LARGEST_SEED = 2**64 - 1
LARGEST_NUMBER = 1e6
LEAST_TEMPERATURE = 1e-3
"""Below it sampling divides by next to nothing; the answer is the greedy one."""

TEMPLATE_RESERVED = frozenset(
    {
        "add_generation_prompt",
        "chat_template",
        "continue_final_message",
        "conversation",
        "documents",
        "load_audio_from_video",
        "max_length",
        "messages",
        "padding",
        "processor_kwargs",
        "return_assistant_tokens_mask",
        "return_dict",
        "return_tensors",
        "tokenize",
        "tokenizer_kwargs",
        "tools",
        "truncation",
    }
)
"""Arguments of the tokenizer itself: in ``chat_template_kwargs`` they would run a client's own
template in the generation thread, pad a prompt without bound, or hand back something other than tokens."""


class InvalidRequestError(Exception):
    """The client's mistake. ``str()`` is ``garnet:invalid:<code>:<param>:<message>``."""

    def __init__(self, code: str, param: str | None, message: str) -> None:
        """Keep the parts; the message is cut to a length that suits an error answer."""
        short = message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "…"
        super().__init__(f"garnet:invalid:{code}:{param or '-'}:{short}")
        self.code = code
        self.param = param


def check_pinned(model: str, draft: object, adapter: object, *, name: str) -> None:
    """Refuse any model but the served one, and every adapter and draft model of the client's choice."""
    if model not in (name, "default_model"):
        raise InvalidRequestError("model_not_found", "model", f"this loader serves '{name}' only")
    if adapter is not None:
        raise InvalidRequestError("unsupported_parameter", "adapters", "adapters cannot be chosen")
    if draft != "default_model":
        raise InvalidRequestError("unsupported_parameter", "draft_model", "a draft model cannot be chosen")


def check_messages(messages: object) -> None:
    """Refuse what is not a list of message objects with parts that can be read."""
    if not isinstance(messages, list) or not messages:
        raise InvalidRequestError(
            "invalid_type", "messages", "messages must be a list of at least one message"
        )
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            where = f"messages[{index}]"
            raise InvalidRequestError("invalid_type", "messages", f"{where} must be an object with a role")
        content = message.get("content")
        if not (content is None or isinstance(content, (str, list))):
            where = f"messages[{index}].content"
            raise InvalidRequestError(
                "invalid_type", "messages", f"{where} must be text, a list of parts or null"
            )
        if isinstance(content, list):
            for part in content:
                _check_part(part)


def _check_part(part: object) -> None:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise InvalidRequestError(
            "invalid_type", "messages", "a part of content must be an object with a type"
        )
    if part["type"] == "text":
        if not isinstance(part.get("text"), str):
            raise InvalidRequestError("invalid_type", "messages", "a text part must have a text")
        return
    image = part.get("image_url", part.get("image"))
    url = image.get("url") if isinstance(image, dict) else image
    # Fetching what a client names would let it reach whatever this machine reaches.
    if not isinstance(url, str) or not url.startswith("data:"):
        raise InvalidRequestError("invalid_image_url", "messages", "images must be data: URLs")


def check_tools(tools: object) -> None:
    """Refuse tools that are not a list of function objects with a name."""
    if tools is None:
        return
    if not isinstance(tools, list):
        raise InvalidRequestError("invalid_type", "tools", "tools must be a list")
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise InvalidRequestError("invalid_type", "tools", "each tool must have a function with a name")


def check_text(value: object, param: str) -> None:
    """Refuse what is no text, or text that no tokenizer takes (a lone half of a surrogate pair)."""
    if not isinstance(value, str):
        raise InvalidRequestError("invalid_type", param, f"{param} must be one text")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidRequestError("invalid_unicode", param, f"{param} holds a lone surrogate")


def check_stop_words(stop_words: object) -> None:
    """Refuse stop words that are not a short list of texts."""
    if not isinstance(stop_words, list) or len(stop_words) > MOST_STOP_WORDS:
        message = f"stop must be a text or a list of at most {MOST_STOP_WORDS} texts"
        raise InvalidRequestError("invalid_type", "stop", message)
    for word in stop_words:
        check_text(word, "stop")
        if not 0 < len(word) <= LONGEST_STOP_WORD:
            message = f"a stop word must have 1 to {LONGEST_STOP_WORD} characters"
            raise InvalidRequestError("invalid_value", "stop", message)


def check_template_arguments(arguments: object) -> None:
    """Refuse ``chat_template_kwargs`` that steer the tokenizer rather than the template."""
    if arguments is None:
        return
    if not isinstance(arguments, dict):
        message = "chat_template_kwargs must be an object"
        raise InvalidRequestError("invalid_type", "chat_template_kwargs", message)
    if refused := sorted(TEMPLATE_RESERVED & arguments.keys()):
        message = f"chat_template_kwargs cannot set {', '.join(refused)}"
        raise InvalidRequestError("unsupported_parameter", "chat_template_kwargs", message)


def check_numbers(named: dict[str, Any], seed: object) -> None:
    """Refuse numbers that arithmetic in the generation thread trips over.

    ``named`` maps a parameter's name to its number. JSON as Python reads it has NaN, infinities and
    integers without bound.
    """
    for name, value in named.items():
        if not isinstance(value, (int, float)) or not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            raise InvalidRequestError("invalid_value", name, f"{name} must be a number of ordinary size")
    if seed is not None and not (isinstance(seed, int) and 0 <= seed <= LARGEST_SEED):
        raise InvalidRequestError("invalid_value", "seed", f"seed must be from 0 to {LARGEST_SEED}")
    threshold = named.get("xtc_threshold", 0.0)
    if threshold > 0.5:  # noqa: PLR2004 -- the sampler's own bound; mlx_lm's validation lets 1.0 pass
        raise InvalidRequestError("invalid_value", "xtc_threshold", "xtc_threshold must be at most 0.5")


def check_vocabulary(logit_bias: dict[int, float] | None, top_k: int, *, vocabulary: int) -> None:
    """Refuse token ids that the model does not have: in the array library they end the process."""
    for token, bias in (logit_bias or {}).items():
        if not 0 <= token < vocabulary:
            message = f"token {token} is not in the vocabulary of {vocabulary}"
            raise InvalidRequestError("invalid_value", "logit_bias", message)
        if not math.isfinite(bias) or abs(bias) > LARGEST_NUMBER:
            raise InvalidRequestError(
                "invalid_value", "logit_bias", "a bias must be a number of ordinary size"
            )
    if top_k >= vocabulary:
        message = f"top_k must be below the vocabulary of {vocabulary}"
        raise InvalidRequestError("invalid_value", "top_k", message)


def check_prompt(prompt: object, *, vocabulary: int, param: str) -> list[int]:
    """Return the prompt if it is a list of at least one known token."""
    if not isinstance(prompt, list) or not all(
        isinstance(token, int) and 0 <= token < vocabulary for token in prompt
    ):
        raise InvalidRequestError("invalid_value", param, f"{param} does not become tokens of this model")
    if not prompt:
        raise InvalidRequestError("invalid_value", param, f"{param} is empty: it has no tokens")
    return prompt


def allowed_tokens(prompt: int, wanted: int, *, implied: bool, context: int, param: str) -> int:
    """Return how many tokens may be generated after ``prompt`` tokens.

    A ``wanted`` that the client did not ask for (``implied``) is cut to what the context leaves; one that
    it did ask for must fit.
    """
    if implied and prompt < context:
        return min(wanted, context - prompt)
    if prompt + wanted > context:
        completion = 1 if implied else wanted
        message = (
            f"This model's maximum context length is {context} tokens. However, you requested "
            f"{prompt + completion} tokens ({prompt} in the {param}, {completion} in the completion). "
            f"Please reduce the length of the {param} or completion."
        )
        raise InvalidRequestError("context_length_exceeded", param, message)
    return wanted


def without_cached_tail(prompt: Sequence[int], rest: Sequence[int]) -> bool:
    """Tell whether the cache holds the whole prompt, which leaves nothing to start generation from."""
    return len(prompt) > 0 and len(rest) == 0
