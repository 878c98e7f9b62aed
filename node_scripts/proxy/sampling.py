"""Checks of the parameters that both kinds of request share: how tokens are chosen and when to stop."""

from __future__ import annotations

from node_scripts.proxy.openai_errors import RequestRejectedError, unsupported
from node_scripts.proxy.request_shapes import ChatRequest, Request

MOST_STOPS = 4
LONGEST_STOP = 1024
"""Characters: a loader builds an automaton of each and keeps a hundred of them."""
MOST_TOP_LOGPROBS = 11
COLDEST_TEMPERATURE = 1e-3
"""Below it a temperature is 0, as the loader itself takes it: its reciprocal would leave float32."""


def check_sampling(request: Request, *, most_tokens: int, context: int, vocabulary_size: int | None) -> None:
    """Refuse numbers that a loader does not survive and bring the rest to what it reads.

    ``most_tokens`` bounds max_tokens, ``context`` the windows of the penalties, both in tokens;
    ``vocabulary_size`` as in ``validation.Limits``.

    - A temperature below COLDEST_TEMPERATURE becomes 0.
    - ``top_p`` 0 becomes temperature 0: of the tokens it leaves the likeliest, but mlx_lm takes it for off.
    - ``seed`` is dropped at temperature 0, else negative ones become unsigned.
    - ``logprobs`` of the completions API, a number there, becomes ``logprobs`` and ``top_logprobs``.
    """
    if request.n not in (None, 1):
        raise unsupported("n", "Only one choice is served.")
    request.n = None
    for name in ("max_tokens", "max_completion_tokens"):
        _check_range(name, getattr(request, name), 1, most_tokens)
    for name in ("repetition_context_size", "presence_context_size", "frequency_context_size"):
        _check_range(name, getattr(request, name), 0, context)
    if request.temperature is not None and request.temperature < COLDEST_TEMPERATURE:
        request.temperature = 0.0
    if request.top_p == 0:
        request.temperature, request.top_p = 0.0, None
    if request.seed is not None:
        # Without sampling a seed changes nothing, but with one a loader serves one at a time.
        request.seed = request.seed % 2**64 if request.temperature else None
    _check_logprobs(request)
    _check_vocabulary(request, vocabulary_size)
    _check_stop(request)


def _check_logprobs(request: Request) -> None:
    """Bring both of OpenAI's spellings to mlx_lm.server's: a bool and the number of alternatives."""
    logprobs = request.logprobs
    if isinstance(logprobs, int) and not isinstance(logprobs, bool):
        if isinstance(request, ChatRequest):
            raise RequestRejectedError("'logprobs' must be a bool.", param="logprobs", code="invalid_type")
        _check_range("logprobs", logprobs, 0, MOST_TOP_LOGPROBS)
        request.logprobs, request.top_logprobs = True, logprobs
    if request.top_logprobs is not None and request.top_logprobs > 0:
        request.logprobs = True
    if not request.logprobs:
        request.logprobs = request.top_logprobs = None


def _check_vocabulary(request: Request, size: int | None) -> None:
    if size == 0 and (request.logit_bias or request.top_k):
        name = "logit_bias" if request.logit_bias else "top_k"
        raise unsupported(name, "The size of this model's vocabulary is not known.")
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
