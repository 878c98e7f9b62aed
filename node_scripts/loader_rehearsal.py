"""Try what a request asks of the model's parts where an error is still the client's alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from node_scripts.loader_checks import InvalidRequestError


def vocabulary_of(server: Any, model: Any) -> int:
    """Return the number of logits the model gives, by running it on one token.

    Raises whatever a model raises that loads but does not compute.
    """
    mx = server.mx
    logits = model(mx.array([[0]]))
    mx.eval(logits)
    return int(logits.shape[-1])


def rehearse(server: Any, generator: Any, tokenizer: Any, args: Any, vocabulary: int) -> None:
    """Build the request's stop words and samplers and run them once on even logits.

    Raises InvalidRequestError.
    """
    try:
        no_tokens = any(not tokenizer.encode(word, add_special_tokens=False) for word in args.stop_words)
        key = generator.model_provider.model_key
        generator._make_state_machine(key, tokenizer, args.stop_words)  # noqa: SLF001 -- what mlx_lm calls next
        token = _sample_once(server, tokenizer, args, vocabulary)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it would end the generation thread
        message = f"these parameters do not work together: {error}"
        raise InvalidRequestError("invalid_value", None, message) from None
    if no_tokens:
        raise InvalidRequestError("invalid_value", "stop", "a stop word has no tokens")
    if not 0 <= token < vocabulary:
        raise InvalidRequestError("invalid_value", None, "these sampling parameters choose no token")


def _sample_once(server: Any, tokenizer: Any, args: Any, vocabulary: int) -> int:
    mx = server.mx
    sampler = server._make_sampler(args, tokenizer)  # noqa: SLF001 -- what mlx_lm itself calls next
    processors = server._make_logits_processors(args)  # noqa: SLF001 -- likewise
    if args.sampling.temperature == 0 and not processors:
        return 0
    logits = mx.zeros((1, vocabulary))
    for processor in processors:
        logits = processor(mx.array([0]), logits)
    token = sampler(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
    mx.eval(token)
    return int(token.item())


def careful_tool_parser(parse: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Wrap a model's tool-call parser so that text it cannot read is a ValueError, which mlx_lm skips."""
    if parse is None:
        return None

    def careful(text: str, tools: Any) -> Any:
        try:
            parsed = parse(text, tools)
        except Exception as error:  # noqa: BLE001 -- models' parsers raise anything on half a call
            raise ValueError(type(error).__name__) from None
        calls = parsed if isinstance(parsed, list) else [parsed]
        if not all(isinstance(call, dict) and {"name", "arguments"} <= call.keys() for call in calls):
            raise ValueError("a tool call without name and arguments")
        return parsed

    return careful
