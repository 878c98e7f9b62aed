"""Guards inside a loader: what would end its generation thread becomes an error answer instead.

mlx_lm.server tokenises inside a ``try`` whose exception goes to the one client that caused it; what
follows (samplers, stop words, the prompt cache) runs bare, where any exception ends the thread and
with it all service. So everything that can fail for one request is tried where it may fail.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from node_scripts.loader_checks import (
    LEAST_TEMPERATURE,
    InvalidRequestError,
    allowed_tokens,
    check_messages,
    check_numbers,
    check_pinned,
    check_prompt,
    check_stop_words,
    check_template_arguments,
    check_text,
    check_tools,
    check_vocabulary,
    without_cached_tail,
)
from node_scripts.loader_rehearsal import careful_tool_parser, rehearse, vocabulary_of

LOG = logging.getLogger("garnet.loader")


class ImpliedTokens(int):
    """A ``max_tokens`` that the client did not give."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """What this loader serves, and its bounds."""

    model: str
    context: int
    """Most tokens of prompt and completion together."""
    prompt_cache_bytes: int | None = None


def install_guards(server: Any, pin: Pin) -> list[str]:
    """Rebind the guarded methods of the ``mlx_lm.server`` module; return the names of those it lacks."""
    missing = []
    for name, guard in GUARDS.items():
        try:
            guard(server, pin)
        except AttributeError:
            missing.append(f"guard:{name}")
    return missing


def guard_generate(server: Any, pin: Pin) -> None:
    """Check a request's shape on its own connection's thread, before it is queued."""
    generator = server.ResponseGenerator
    generate = generator.generate
    # One description for all: requests that only spell the model differently share a batch.
    pinned = server.ModelDescription(model="default_model", draft="default_model", adapter=None)

    def guarded(self: Any, request: Any, generation_args: Any, *rest: Any, **named: Any) -> Any:
        asked = generation_args.model
        check_pinned(asked.model, asked.draft, asked.adapter, name=pin.model)
        generation_args.model = pinned
        check_template_arguments(generation_args.chat_template_kwargs)
        check_stop_words(generation_args.stop_words)
        if request.request_type == "chat":
            check_messages(request.messages)
            check_tools(request.tools)
        else:
            check_text(request.prompt, "prompt")
        check_numbers(_numbers(generation_args), generation_args.seed)
        if 0 < generation_args.sampling.temperature < LEAST_TEMPERATURE:
            generation_args.sampling.temperature = 0.0
        if generation_args.sampling.temperature == 0:
            # A seed changes nothing greedy, yet mlx_lm would drain the batch and serve it alone.
            generation_args.seed = None
        context, responses = generate(self, request, generation_args, *rest, **named)
        context.tool_parser = careful_tool_parser(context.tool_parser)
        return context, responses

    generator.generate = guarded


def _numbers(arguments: Any) -> dict[str, Any]:
    numbers = {**vars(arguments.sampling), **vars(arguments.logits), "max_tokens": arguments.max_tokens}
    del numbers["logit_bias"]
    return {**numbers, "top_logprobs": arguments.top_logprobs}


def guard_tokenize(server: Any, pin: Pin) -> None:
    """Tokenise, then try all that mlx_lm would do next outside its ``try``."""
    generator = server.ResponseGenerator
    tokenize = generator._tokenize  # noqa: SLF001 -- no public place exists for this
    _ = generator._make_state_machine, server._make_sampler, server._make_logits_processors  # noqa: SLF001
    vocabularies: dict[int, int] = {}

    def guarded(self: Any, tokenizer: Any, request: Any, args: Any) -> Any:
        param = "messages" if request.request_type == "chat" else "prompt"
        model = self.model_provider.model
        if id(model) not in vocabularies:
            vocabularies[id(model)] = vocabulary_of(server, model)
        vocabulary = vocabularies[id(model)]
        logits = args.logits
        check_vocabulary(logits.logit_bias, args.sampling.top_k, vocabulary=vocabulary)
        try:
            result = tokenize(self, tokenizer, request, args)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 -- a panic in the tokenizer's Rust is no Exception
            message = f"the model's tokenizer or chat template refuses the {param}: {error}"
            raise InvalidRequestError("invalid_value", param, message) from None
        prompt = check_prompt(result[0], vocabulary=vocabulary, param=param)
        implied = isinstance(args.max_tokens, ImpliedTokens)
        tokens = len(prompt)
        wanted = int(args.max_tokens)
        args.max_tokens = allowed_tokens(tokens, wanted, implied=implied, context=pin.context, param=param)
        rehearse(server, self, tokenizer, args, vocabulary)
        return result

    generator._tokenize = guarded  # noqa: SLF001 -- likewise


def guard_prompt_cache(server: Any, _pin: Pin) -> None:
    """Leave one token to start from where the cache holds the whole prompt; survive a broken lookup."""
    from mlx_lm.models import cache as caches  # noqa: PLC0415 -- present where the server module is

    cache = server.LRUPromptCache
    fetch = cache.fetch_nearest_cache

    def guarded(self: Any, model: Any, tokens: Any) -> Any:
        try:
            found, rest = fetch(self, model, tokens)
            if not without_cached_tail(tokens, rest):
                return found, rest
            if len(tokens) > 1 and caches.can_trim_prompt_cache(found):
                caches.trim_prompt_cache(found, 1)
                return found, tokens[-1:]
        except Exception:
            # A miss costs time; an exception here costs every request in flight.
            LOG.exception("the prompt cache failed; taken as a miss")
        return None, tokens

    cache.fetch_nearest_cache = guarded


def guard_prompt_cache_bytes(server: Any, pin: Pin) -> None:
    """Make the byte limit hold always: mlx_lm applies it only when a request joins a running batch."""
    cache = server.LRUPromptCache
    construct = cache.__init__

    def bounded(self: Any, *arguments: Any, **named: Any) -> None:
        construct(self, *arguments, **named)
        if pin.prompt_cache_bytes is not None:
            self.max_bytes = pin.prompt_cache_bytes

    cache.__init__ = bounded


def guard_parameters(server: Any, _pin: Pin) -> None:
    """Answer odd parameters with 400 where mlx_lm drops the connection."""
    handler = server.APIHandler
    validate = handler.validate_model_parameters

    def guarded(self: Any) -> None:
        if not {"max_tokens", "max_completion_tokens"} & {k for k, v in self.body.items() if v is not None}:
            self.max_tokens = ImpliedTokens(self.response_generator.cli_args.max_tokens)
        options = self.stream_options
        if options is not None:
            if not isinstance(options, dict):
                text = str(
                    InvalidRequestError("invalid_type", "stream_options", "stream_options must be an object")
                )
                raise ValueError(text)
            self.stream_options = {"include_usage": False, **options}
        try:
            validate(self)
        except (TypeError, OverflowError):
            text = str(
                InvalidRequestError("invalid_type", "logit_bias", "logit_bias must map ids to numbers")
            )
            raise ValueError(text) from None

    handler.validate_model_parameters = guarded


def guard_bodies(server: Any, _pin: Pin) -> None:
    """Answer a body that cannot be read with 400 where mlx_lm drops the connection."""
    handler = server.APIHandler
    post, send_response = handler.do_POST, handler.send_response

    def remembering(self: Any, *arguments: Any, **named: Any) -> None:
        self.garnet_answered = True
        send_response(self, *arguments, **named)

    def guarded(self: Any) -> None:
        try:
            post(self)
        except ConnectionError:
            raise
        except Exception as error:
            if getattr(self, "garnet_answered", False):
                raise
            LOG.warning("a request failed with %s before it was answered", type(error).__name__)
            text = str(InvalidRequestError("invalid_body", None, "the request cannot be read"))
            self._set_completion_headers(400)
            self.end_headers()
            self.wfile.write(json.dumps({"error": text}).encode())

    handler.send_response, handler.do_POST = remembering, guarded


def guard_images(server: Any, _pin: Pin) -> None:
    """Never fetch what a client's URL names."""
    _ = server._inline_image_urls  # noqa: SLF001 -- no public place exists for this
    server._inline_image_urls = check_messages  # noqa: SLF001 -- likewise


GUARDS: dict[str, Callable[[Any, Pin], None]] = {
    "generate": guard_generate,
    "tokenize": guard_tokenize,
    "prompt_cache": guard_prompt_cache,
    "prompt_cache_bytes": guard_prompt_cache_bytes,
    "parameters": guard_parameters,
    "bodies": guard_bodies,
    "images": guard_images,
}
