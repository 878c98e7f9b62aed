"""Anomalies: each cause by hand with its words, and in simulated fleets that its author did not see."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.anomalies import CAUSES, doubled, fleet, injected, trial
from garnet_cli.judge.anomalies import Anomaly, find_anomalies
from garnet_cli.judge.costs import CostBasis, cost_diff
from garnet_cli.store.totals import KeyTotals, ModelTotals, NodeTotals, Totals
from tests.garnet_cli.judge.weeks import BEGIN, WEEK_S, basis, histogram, model, node, week
from tests.simulated.spec import Injected, InjectedKind

USUAL: dict[str, Any] = {"token_time_ms": histogram(20.0), "loader_lookups": 1000, "loader_hits": 700}


def usual(where: str = "n1", name: str = "a", **figures: Any) -> ModelTotals:
    """Return a model's row of a usual week."""
    return model(where, name, **(USUAL | figures))


def found(
    this: list[ModelTotals],
    *,
    last: list[ModelTotals] | None = None,
    nodes: list[NodeTotals] | None = None,
    keys: list[KeyTotals] | None = None,
    keys_last: list[KeyTotals] | None = None,
    given: CostBasis | None = None,
) -> list[Anomaly]:
    """Return the anomalies of a week after a usual one, with the nodes n1 and n2."""
    healthy = [node("n1"), node("n2")]
    now = week(this, nodes or healthy, keys)
    before = week(last or [usual()], healthy, keys_last)
    diff = cost_diff(now, before, given or basis(n1=2000.0, n2=2000.0))
    anomalies = find_anomalies(diff, now, before)
    json.dumps([one.as_json() for one in anomalies], allow_nan=False)
    return anomalies


def test_an_equal_week_has_no_anomaly() -> None:
    """Nor has one that is a little dearer."""
    assert found([usual()]) == []
    assert found([usual(prompt_tokens=700_000, cached_tokens=280_000, completion_tokens=350_000)]) == []


def test_prompt_cache_misses_are_found() -> None:
    """The cached share fell and evictions rose; the busy time doubled as prompts were read anew."""
    before = usual(cached_tokens=900_000, loader_evictions=100, first_token_ms=histogram(600.0))
    now = usual(cached_tokens=100_000, loader_evictions=900, loader_busy_s=0.6 * WEEK_S)
    (one,) = found([now], last=[before], nodes=[node("n1", busy_share=0.6), node("n2")])
    cause = one.causes[0]
    assert (one.model, one.verdict, one.figure, cause.kind) == ("a", "doubled", "busy-only", "cache_misses")
    assert cause.sentence == (
        "prompt-cache misses of a are up: 10% of the prompt tokens came from the cache, 90% before; its cache"
        " evicts 5.4 entries an hour, 0.6 before"
    )
    assert cause.command == "garnet weekly --apply"
    assert [(each.figure, each.last, each.this) for each in cause.evidence[:2]] == [
        ("cached share of prompt tokens", 0.9, 0.1),
        ("hit rate", 0.7, 0.7),
    ]


def test_a_poisoned_cache_is_found_on_its_node_with_the_purge_to_type() -> None:
    """Hit as before, and slow, long and failing, on one of two nodes: the fleet's price has not doubled."""
    sick = usual(
        "n2",
        answered=900,
        errors={"loader_failed": 100},
        token_time_ms=histogram(60.0),
        completion_tokens=900_000,
        loader_busy_s=0.99 * WEEK_S,
        loader_hits=900,
    )
    nodes = [node("n1"), node("n2", busy_share=0.99)]
    (one,) = found([usual(), sick], last=[usual(), usual("n2")], nodes=nodes)
    assert (one.node, one.causes[0].kind, one.causes[0].nodes) == ("n2", "poisoned_cache", ("n2",))
    assert one.causes[0].command == "garnet cache purge n2 a"
    assert one.causes[0].sentence == (
        "the prompt cache of a on n2 looks poisoned: 90% of the lookups hit, 70% before, and yet a token"
        " takes 3.0 times as long, answers are 2.0 times as long and 10% of the requests fail, 0% before"
    )


def test_throttling_is_found_with_its_node() -> None:
    """Three times as long a token on a node that throttles."""
    hot = node("n1", busy_share=0.75, packed_throttled_s=0.3 * WEEK_S)
    slow = usual(token_time_ms=histogram(60.0), loader_busy_s=0.75 * WEEK_S)
    (one,) = found([slow], nodes=[hot, node("n2")])
    assert one.causes[0].kind == "throttling"
    assert one.causes[0].confidence == "high"
    assert one.causes[0].sentence == (
        "n1 throttled in 40% of the working time, 0% before; a token takes 3.0 times as long"
    )


def test_slowness_without_throttling_or_errors_is_unknown() -> None:
    """Nothing is made up."""
    slow = usual(token_time_ms=histogram(60.0), loader_busy_s=0.75 * WEEK_S)
    (one,) = found([slow], nodes=[node("n1", busy_share=0.75), node("n2")])
    assert [cause.kind for cause in one.causes] == ["unknown"]
    assert one.causes[0].confidence == "low"
    assert one.causes[0].sentence == "telemetry names no cause, save that a token takes 3.0 times as long"


def test_errors_are_found_with_their_code() -> None:
    """Two in three requests took the loader's time and gave nothing."""
    failing = usual(
        answered=333,
        errors={"loader_failed": 667},
        prompt_tokens=333_000,
        cached_tokens=133_000,
        completion_tokens=166_000,
    )
    (one,) = found([failing])
    assert one.causes[0].kind == "errors"
    assert "67% of the requests failed (mostly loader_failed), 0% before" in one.causes[0].sentence
    assert one.causes[0].command == "garnet logs n1"


def test_traffic_down_names_the_key_that_fell_most() -> None:
    """A quarter is left."""
    keys = [KeyTotals(begin_unix=BEGIN, node="n1", key=name, requests=1680) for name in ("app", "bot")]
    quarter = usual(
        requests=250,
        prompt_tokens=250_000,
        cached_tokens=100_000,
        completion_tokens=125_000,
        loader_busy_s=WEEK_S / 16,
    )
    nodes = [node("n1", busy_share=1 / 16, watts=15.0), node("n2")]
    (one,) = found([quarter], nodes=nodes, keys=[replace(keys[0], requests=168), keys[1]], keys_last=keys)
    assert (one.figure, one.causes[0].kind) == ("fully loaded", "traffic_down")
    assert "traffic of a fell to 25% of its tokens" in one.causes[0].sentence
    assert "the key app fell most, from 10 to 1.0 requests an hour" in one.causes[0].sentence
    assert one.causes[0].command.startswith(
        'garnet telemetry query --since 2025-11-17T00:00 --until 2025-11-24T00:00 "SELECT key, minute::DATE'
    )


def test_a_node_whose_traffic_moved_away_is_idle() -> None:
    """The fleet kept all of it."""

    def part(where: str, share: float) -> ModelTotals:
        return usual(
            where,
            requests=int(1000 * share),
            prompt_tokens=int(1_000_000 * share),
            cached_tokens=int(400_000 * share),
            completion_tokens=int(500_000 * share),
            loader_busy_s=0.25 * share * WEEK_S,
        )

    nodes = [node("n1", busy_share=0.025), node("n2", busy_share=0.475)]
    (one,) = found([part("n1", 0.1), part("n2", 1.9)], last=[part("n1", 1), part("n2", 1)], nodes=nodes)
    assert (one.node, one.causes[0].kind) == ("n1", "idle_up")
    assert one.causes[0].sentence == (
        "n1 is idle for longer: busy 2.5% of the time, 25% before; a fell to 10% of its tokens there, to 100%"
        " in the fleet"
    )


def test_a_model_with_loaders_on_more_nodes_than_it_needs_is_idle() -> None:
    """The same tokens, twice the machines: most of a dear second node is idle."""
    thin = usual("n2", requests=0, prompt_tokens=0, cached_tokens=0, completion_tokens=0, loader_busy_s=0.0)
    nodes = [node("n1"), node("n2", busy_share=0.0)]
    prices = basis(n1=1000.0, n2=5000.0)
    bare = CostBasis(
        settings=replace(prices.settings, overhead_usd_per_month=0), prices_usd=prices.prices_usd
    )
    (one,) = found([usual(), thin], nodes=nodes, given=bare)
    assert (one.node, one.causes[0].kind) == ("", "idle_up")
    assert "it has loaders on 2 nodes, 1 before" in one.causes[0].sentence


def test_a_model_that_bears_more_because_another_fell_is_not_flagged_beside_it() -> None:
    """What to do is about the one that fell."""
    small = usual(name="a", loader_busy_s=0.05 * WEEK_S)
    pair = [small, usual(name="b")]
    fallen = usual(
        name="b",
        requests=100,
        prompt_tokens=100_000,
        cached_tokens=40_000,
        completion_tokens=50_000,
        loader_busy_s=0.01 * WEEK_S,
    )
    dear = basis(n1=2000.0)
    anomalies = found([small, fallen], last=pair, nodes=[node("n1", busy_share=0.06)], given=dear)
    assert [(one.model, one.causes[0].kind) for one in anomalies] == [("b", "traffic_down")]


def test_a_cache_poisoned_on_one_node_is_told_although_the_traffic_fell_everywhere() -> None:
    """Two things at once: one is fleet-wide, the other one node's."""

    def fallen(where: str, **more: Any) -> ModelTotals:
        tokens = {
            "requests": 250,
            "prompt_tokens": 250_000,
            "cached_tokens": 100_000,
            "completion_tokens": 125_000,
        }
        return usual(where, **(tokens | {"loader_busy_s": WEEK_S / 16} | more))

    sick = fallen(
        "n2",
        answered=225,
        errors={"loader_failed": 25},
        token_time_ms=histogram(60.0),
        loader_busy_s=3 * WEEK_S / 16,
    )
    nodes = [node("n1", busy_share=1 / 16, watts=15.0), node("n2", busy_share=3 / 16, watts=20.0)]
    told = found([fallen("n1"), sick], last=[usual(), usual("n2")], nodes=nodes)
    assert [(one.node, one.figure, one.causes[0].kind) for one in told] == [
        ("", "fully loaded", "traffic_down"),
        ("n2", "busy-only", "poisoned_cache"),
    ]


def test_missing_minutes_make_a_week_too_thin_and_not_dear() -> None:
    """A third of the minutes with a third of the tokens is no doubling."""
    third = usual(requests=300, prompt_tokens=300_000, cached_tokens=120_000, completion_tokens=150_000)
    short = node("n1", minutes_present=3024, covered_s=0.3 * WEEK_S, thermal_observed_s=0.0)
    (one,) = found([replace(third, loader_busy_s=0.075 * WEEK_S)], nodes=[short, node("n2")])
    assert (one.verdict, one.causes[0].kind) == ("too_thin", "missing_minutes")
    assert one.sentence.startswith("a: too thin to judge, 70% of the minutes are missing")
    assert one.causes[0].command == "garnet check n1"


def test_a_week_under_the_token_floor_is_too_thin() -> None:
    """It is said, with what was there before; the other way round there is nothing to compare with."""
    thin = usual(
        requests=30, prompt_tokens=30_000, cached_tokens=0, completion_tokens=9_000, loader_busy_s=9e3
    )
    (one,) = found([thin])
    assert (one.verdict, one.this_usd_per_million, one.causes[0].kind) == ("too_thin", None, "traffic_down")
    assert "39,000 tokens in 30 requests" in one.sentence
    assert found([usual()], last=[thin]) == []


def test_nothing_is_judged_without_a_week_before_or_a_price() -> None:
    """The first week, and a fleet whose nodes have none."""
    this = week([usual()], [node("n1")])
    assert find_anomalies(cost_diff(this, None, basis(n1=2000.0)), this, None) == []
    assert found([usual(completion_tokens=10)], given=basis(n1=None, n2=None)) == []


def test_one_cause_on_one_node_is_told_once() -> None:
    """Of two models on a node that throttles, on one node of two each, the one that rose more."""
    hot = node("n2", busy_share=0.6, packed_throttled_s=0.3 * WEEK_S)

    def slow(name: str, times: float) -> ModelTotals:
        return usual("n2", name, token_time_ms=histogram(20.0 * times), loader_busy_s=0.1 * times * WEEK_S)

    last = [usual(where, name, loader_busy_s=0.1 * WEEK_S) for where in ("n1", "n2") for name in ("a", "b")]
    anomalies = found([*last[:2], slow("a", 2.5), slow("b", 2.7)], last=last, nodes=[node("n1"), hot])
    assert [(one.model, one.node, one.causes[0].kind) for one in anomalies] == [("b", "n2", "throttling")]


@pytest.mark.parametrize("kind", CAUSES)
def test_injected_anomalies_are_flagged_with_their_cause(kind: InjectedKind) -> None:
    """In random fleets; rates over many more are printed by the benchmark."""
    dice = random.Random(f"test {kind}")
    seen = 0
    while seen < 4:
        spec = fleet(dice)
        one = injected(dice, spec, kind)
        if one is None:
            continue
        result = trial(replace(spec, injected=(one,)))
        if doubled(result.diff, one):
            seen += 1
            assert [each.causes[0].kind for each in result.found if _about(each, one)] != []
            assert {each.causes[0].kind for each in result.found} == {CAUSES[kind]}


def test_quiet_weeks_flag_nothing() -> None:
    """Random fleets with the usual noise of traffic."""
    dice = random.Random("quiet test")
    assert [result.found for _ in range(12) if (result := trial(fleet(dice, noise=0.1))).found] == []


def _about(anomaly: Anomaly, one: Injected) -> bool:
    return one.model in ("", anomaly.model) and one.node in ("", anomaly.node or one.node)


def test_totals_given_are_left_as_they_are() -> None:
    """Equal input, equal output."""
    this: Totals = week([usual(completion_tokens=10, prompt_tokens=200_000, cached_tokens=0)], [node("n1")])
    last = week([usual()], [node("n1")])
    diff = cost_diff(this, last, basis(n1=2000.0))
    assert find_anomalies(diff, this, last) == find_anomalies(diff, this, last) != []
