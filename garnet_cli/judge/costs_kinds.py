"""What each kind of token takes of a model's time, and what an API asks for it. Pure."""

from __future__ import annotations

from garnet_cli.fleet.inventory import ReferencePrice
from garnet_cli.judge.costs_rows import Comparison
from garnet_cli.store.totals import ModelTotals
from node_scripts.histogram import Histogram

CACHED_WORK = 0.1
"""What a cached prompt token takes of the time of one that is computed. It must be looked up and attended to,
not computed; a tenth is also what APIs ask for one at the least."""
COMPLETION_WORK = 4.0
"""What a completion token takes of the time of a computed prompt token, where no times were measured: the
usual ratio of API prices."""


def kind_weights(row: ModelTotals) -> tuple[float, float, float]:
    """Return by what a model's cost is divided among uncached, cached and completion tokens.

    The time up to the first token, without waiting in the queue, is the prompt's, the rest the completion's:
    means over the answered requests. They add up to 1; all are 0 without tokens.
    """
    cached = min(row.cached_tokens, row.prompt_tokens)
    uncached = row.prompt_tokens - cached
    prompt_work = uncached + CACHED_WORK * cached
    completion_work = COMPLETION_WORK * row.completion_tokens
    together = prompt_work + completion_work
    if not together:
        return 0.0, 0.0, 0.0
    share = prompt_share(row)
    if share is None or not prompt_work or not completion_work:
        return uncached / together, CACHED_WORK * cached / together, completion_work / together
    return share * uncached / prompt_work, share * CACHED_WORK * cached / prompt_work, 1 - share


def prompt_share(row: ModelTotals) -> float | None:
    """Return the share (0..1) of a request's time that its prompt takes; ``None`` if it was not measured."""
    latency, first, queue = (_mean(each) for each in (row.latency_ms, row.first_token_ms, row.queue_ms))
    if latency is None or first is None:
        return None
    waited = queue or 0.0
    if latency - waited <= 0:
        return None
    return min(1.0, max(0.0, (first - waited) / (latency - waited)))


def compared(row: ModelTotals, reference: ReferencePrice, own_micros: int) -> Comparison:
    """Return a model's tokens at an API's prices: dollars per million tokens are micros per token."""
    cached = min(row.cached_tokens, row.prompt_tokens)
    uncached = row.prompt_tokens - cached
    api = (
        uncached * reference.prompt_usd_per_million
        + cached * reference.cached_usd_per_million
        + row.completion_tokens * reference.completion_usd_per_million
    )
    return Comparison(references=(reference,), api_micros=round(api), own_micros=own_micros)


def _mean(histogram: Histogram) -> float | None:
    return histogram.mean
