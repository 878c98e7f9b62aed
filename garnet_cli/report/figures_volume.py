"""Inference volume: requests and tokens as clients saw them, by model and by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from garnet_cli.report.gathered import Gathered
from garnet_cli.report.month import Span
from garnet_cli.report.sections import DayVolume, ModelVolume, Volume
from garnet_cli.report.shares import change_pct, pct
from garnet_cli.report.size_class import size_class
from garnet_cli.report.wording import Wording
from garnet_cli.store.totals import ModelTotals, Totals
from garnet_cli.store.totals_merge import merge_rows
from node_scripts.histogram import Histogram
from node_scripts.records import UNKNOWN_MODEL


def volume_of(data: Gathered, words: Wording) -> Volume:
    """Return the section."""
    rows = {row.model: row for row in merge_rows(data.sums.models, ("begin_unix", "node"))}
    tokens = sum(map(tokens_of, rows.values()))
    before = _tokens_by_model(data.before)
    known_before = bool(sum(row.minutes_present for row in data.before.nodes))
    names = sorted({*rows, *(model.name for model in data.inventory.models)} - {UNKNOWN_MODEL})
    models = [
        _model(
            rows.get(name) or ModelTotals(begin_unix=0, node="", model=name),
            tokens,
            before.get(name, 0) if known_before else None,
            size_class_of(data, name),
        )
        for name in names
    ]
    models.sort(key=lambda one: (-one.tokens, -one.requests, one.model))
    requests = sum(row.requests for row in rows.values())
    cancelled = sum(row.cancelled for row in rows.values())
    errors = sum(row.failed for row in rows.values())
    tokens_before = sum(before.values()) if known_before else None
    return Volume(
        requests=requests,
        answered=sum(row.answered for row in rows.values()),
        cancelled=cancelled,
        errors=errors,
        error_pct=pct(errors, requests - cancelled),
        prompt_tokens=sum(row.prompt_tokens for row in rows.values()),
        cached_tokens=sum(row.cached_tokens for row in rows.values()),
        completion_tokens=sum(row.completion_tokens for row in rows.values()),
        tokens=tokens,
        tokens_before=tokens_before,
        change_pct=change_pct(tokens, tokens_before),
        unknown_model_requests=rows[UNKNOWN_MODEL].requests if UNKNOWN_MODEL in rows else 0,
        models=tuple(models),
        days=_days(data),
        says=_says(data, words, models, tokens, tokens_before, requests, errors),
    )


def tokens_of(row: ModelTotals) -> int:
    """Return prompt and completion tokens; cached ones are part of the prompt's."""
    return row.prompt_tokens + row.completion_tokens


def period_title(span: Span, words: Wording) -> str:
    """Return a period's name in words."""
    return words.month(span.first) if span.kind == "month" else words.quarter(span.first)


def size_class_of(data: Gathered, model: str) -> str:
    """Return a model's size class, from its name, else from what it was served from."""
    sources = [one.source.text for one in data.inventory.models if one.name == model]
    seen = sorted({source for row in data.sums.models if row.model == model for source in row.loader_sources})
    return size_class([model, *sources, *seen])


def _model(row: ModelTotals, fleet_tokens: int, before: int | None, its_class: str) -> ModelVolume:
    tokens = tokens_of(row)
    return ModelVolume(
        model=row.model,
        requests=row.requests,
        answered=row.answered,
        cancelled=row.cancelled,
        errors=row.failed,
        error_pct=pct(row.failed, row.requests - row.cancelled),
        prompt_tokens=row.prompt_tokens,
        cached_tokens=row.cached_tokens,
        completion_tokens=row.completion_tokens,
        tokens=tokens,
        share_pct=pct(tokens, fleet_tokens),
        tokens_before=before,
        change_pct=change_pct(tokens, before),
        latency_p50_ms=_quantile(row.latency_ms, 0.5),
        latency_p95_ms=_quantile(row.latency_ms, 0.95),
        first_token_p95_ms=_quantile(row.first_token_ms, 0.95),
        size_class=its_class,
    )


def _quantile(histogram: Histogram, share: float) -> float | None:
    return histogram.quantile(share)


def _tokens_by_model(totals: Totals) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in totals.models:
        found[row.model] += tokens_of(row)
    return dict(found)


def _days(data: Gathered) -> tuple[DayVolume, ...]:
    totals = data.totals
    models: dict[int, list[ModelTotals]] = defaultdict(list)
    for row in totals.models:
        models[row.begin_unix].append(row)
    complete = complete_by_bucket(totals, {node.name for node in data.inventory.nodes})
    return tuple(
        DayVolume(
            day=bucket.label,
            requests=sum(row.requests for row in models[bucket.begin_unix]),
            prompt_tokens=sum(row.prompt_tokens for row in models[bucket.begin_unix]),
            cached_tokens=sum(row.cached_tokens for row in models[bucket.begin_unix]),
            completion_tokens=sum(row.completion_tokens for row in models[bucket.begin_unix]),
            complete_pct=complete[bucket.begin_unix],
        )
        for bucket in totals.buckets
    )


def complete_by_bucket(totals: Totals, nodes: Collection[str]) -> Mapping[int, float | None]:
    """Return by bucket's begin the share of ``nodes``' expected minutes that are there, in percent."""
    expected: dict[int, int] = defaultdict(int)
    present: dict[int, int] = defaultdict(int)
    for row in totals.nodes:
        if row.node not in nodes:
            continue
        expected[row.begin_unix] += row.minutes_expected
        present[row.begin_unix] += row.minutes_present
    return {
        bucket.begin_unix: pct(present[bucket.begin_unix], expected[bucket.begin_unix])
        for bucket in totals.buckets
    }


def _says(
    data: Gathered,
    words: Wording,
    models: list[ModelVolume],
    tokens: int,
    before: int | None,
    requests: int,
    errors: int,
) -> str:
    if not requests:
        return words.say("volume.nothing")
    change = change_pct(tokens, before)
    parts = [
        words.say(
            "volume.served",
            tokens=words.tokens(tokens),
            requests=words.tokens(requests),
            models=words.count(sum(1 for one in models if one.requests)),
        )
    ]
    if change is not None:
        parts.append(
            words.say(
                "volume.more" if change >= 0 else "volume.less",
                change=words.pct(abs(change)),
                before=period_title(data.span.before, words),
            )
        )
    if models and models[0].share_pct is not None:
        parts.append(words.say("volume.top", model=models[0].model, share=words.pct(models[0].share_pct)))
    if errors:
        parts.append(
            words.say("volume.errors", errors=words.count(errors), share=words.pct(100 * errors / requests))
        )
    return " ".join(parts)
