"""What telemetry says of a model in a window, fleet-wide or on one node: what causes are found in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from garnet_cli.judge.costs_kinds import CACHED_WORK, prompt_share
from garnet_cli.judge.costs_nodes import busy_share
from garnet_cli.store.totals import ModelTotals, NodeTotals, Totals
from garnet_cli.store.totals_merge import merge_rows

NOT_SERVED = ("overloaded", "model_unavailable", "model_not_found", "rate_limit_exceeded", "stopping")
"""Errors that took none of a loader's time, as did refusals, whose codes begin with ``invalid``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One window of one model, on all of its nodes or on one."""

    hours: float
    complete_share: float
    """Of the nodes that have a loader of it."""
    nodes: tuple[str, ...]
    requests: int
    """Of clients; on one node, those that its loaders served."""
    failed_share: float | None
    """Of the clients' requests; ``None`` without any."""
    wasted_share: float | None
    """Of the clients' requests, those that took a loader's time and failed."""
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    loader_requests: int
    busy_s: float | None
    token_time_ms: float | None
    """Mean time per output token after the first."""
    prompt_share: float | None
    """Share of a request's time that its prompt takes."""
    hit_rate: float | None
    evictions: int | None
    packed_s: float
    """Of its nodes: seconds with work, and of them throttled ones."""
    throttled_s: float
    node_busy_share: float | None
    """Of its nodes' covered time, with a request in any loader."""
    errors: dict[str, int]

    @property
    def tokens(self) -> int:
        """Return prompt and completion tokens."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cached_share(self) -> float | None:
        """Return the share of prompt tokens that were cached."""
        return min(1.0, self.cached_tokens / self.prompt_tokens) if self.prompt_tokens else None

    @property
    def throttled_share(self) -> float | None:
        """Return the share of the nodes' packed time that was throttled."""
        return self.throttled_s / self.packed_s if self.packed_s else None

    @property
    def completion_per_request(self) -> float | None:
        """Return completion tokens for a request that did not fail."""
        done = self.requests * (1 - (self.failed_share or 0.0))
        return self.completion_tokens / done if done else None

    @property
    def busy_s_per_million(self) -> float | None:
        """Return the loaders' busy seconds for a million tokens."""
        return self.busy_s / self.tokens * 1e6 if self.busy_s and self.tokens else None

    def prompt_work(self, cached_share: float | None = None) -> float:
        """Return prompt tokens by the work they take, as if ``cached_share`` of them were cached."""
        share = (self.cached_share or 0.0) if cached_share is None else cached_share
        return self.prompt_tokens * (1 - share + CACHED_WORK * share)


class Window:
    """A window's rows, added up over its buckets."""

    def __init__(self, totals: Totals) -> None:
        """Add up."""
        self.begin_unix, self.end_unix = totals.begin_unix, totals.end_unix
        self.hours = (totals.end_unix - totals.begin_unix) / 3600
        self.rows = merge_rows((row for row in totals.models if row.model), ("begin_unix",))
        self.nodes = {row.node: row for row in merge_rows(totals.nodes, ("begin_unix",))}
        self.whole = {row.model: row for row in merge_rows(self.rows, ("begin_unix", "node"))}
        self.keys = {row.key: row.requests for row in merge_rows(totals.keys, ("begin_unix", "node"))}

    def of_model(self, model: str) -> Figures | None:
        """Return a model's figures of all nodes, as clients counted them; ``None`` if it is not there."""
        row = self.whole.get(model)
        if row is None:
            return None
        return self._figures(
            row, self.places(model), row.requests, row.prompt_tokens, row.cached_tokens, row.completion_tokens
        )

    def at_node(self, model: str, node: str) -> Figures | None:
        """Return what a model's loaders did on one node; ``None`` if there were none.

        Times and errors are those of that node's clients, or of all clients where none asked there.
        """
        row = next((row for row in self.rows if (row.model, row.node) == (model, node)), None)
        if row is None or not _is_loaded(row):
            return None
        return self._figures(
            row,
            [node],
            row.loader_requests,
            row.loader_prompt_tokens,
            row.loader_cached_tokens,
            row.loader_completion_tokens,
        )

    def places(self, model: str) -> list[str]:
        """Return the nodes with a loader of ``model``."""
        return [row.node for row in self.rows if row.model == model and _is_loaded(row)]

    def _figures(
        self,
        row: ModelTotals,
        places: Sequence[str],
        requests: int,
        prompt: int,
        cached: int,
        completion: int,
    ) -> Figures:
        timed = row if row.token_time_ms.count else self.whole[row.model]
        asked = row if row.requests else self.whole[row.model]
        nodes = [self.nodes[name] for name in places if name in self.nodes]
        return Figures(
            hours=self.hours,
            complete_share=_complete(nodes),
            nodes=tuple(places),
            requests=requests,
            failed_share=asked.failed / asked.requests if asked.requests else None,
            wasted_share=_wasted(asked) / asked.requests if asked.requests else None,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            loader_requests=row.loader_requests,
            busy_s=row.loader_busy_s,
            token_time_ms=timed.token_time_ms.mean,
            prompt_share=prompt_share(timed),
            hit_rate=row.hit_rate,
            evictions=row.loader_evictions,
            packed_s=sum(node.packed_s for node in nodes),
            throttled_s=sum(node.packed_throttled_s for node in nodes),
            node_busy_share=self._busy_share(nodes),
            errors=asked.errors,
        )

    def _busy_share(self, nodes: Sequence[NodeTotals]) -> float | None:
        """Return the mean of the nodes' busy shares by the time that their monitors ran."""
        shares = [
            (busy_share(node, [row for row in self.rows if row.node == node.node]), node.covered_s)
            for node in nodes
        ]
        known = [(share, seconds) for share, seconds in shares if share is not None and seconds]
        seconds = sum(each for _, each in known)
        return sum(share * each for share, each in known) / seconds if seconds else None


def _is_loaded(row: ModelTotals) -> bool:
    return bool(row.loader_minutes or row.loader_requests or row.loader_observed_s)


def _complete(nodes: Iterable[NodeTotals]) -> float:
    known = list(nodes)
    expected = sum(node.minutes_expected for node in known)
    return sum(node.minutes_present for node in known) / expected if expected else 1.0


def _wasted(row: ModelTotals) -> int:
    return sum(
        count
        for code, count in row.errors.items()
        if code not in NOT_SERVED and not code.startswith("invalid")
    )
