"""The verdict on a changed node over its models and figures."""

from __future__ import annotations

import random
from collections.abc import Callable

from garnet_cli.judge.canary import Rule
from garnet_cli.judge.evidence import Evidence, served, values
from garnet_cli.judge.readiness import TEST_PROMPTS
from garnet_cli.judge.rollout import EarlyAborts, judge_node
from node_scripts.records import OPERATOR_KEY, RequestRecord

RULE = Rule(judged_together=6)


def requests(
    count: int,
    latency_ms: float = 100.0,
    *,
    seed: int = 1,
    model: str = "tiny",
    key: str = "web",
    token_ms: float = 5.0,
) -> list[RequestRecord]:
    """Return answers with a first token after two thirds of ``latency_ms``, and nine more of ``token_ms``."""
    generator = random.Random(seed)
    found = []
    for _ in range(count):
        first = latency_ms * generator.lognormvariate(0, 0.2) * 2 / 3
        tokens = 9 * token_ms * generator.lognormvariate(0, 0.1)
        found.append(
            RequestRecord(
                end_unix=0.0,
                model=model,
                outcome="answered",
                key=key,
                served_by="loader-1",
                completion_tokens=10,
                first_token_ms=first,
                latency_ms=first + tokens,
            )
        )
    return found


def controls(count: int = 3) -> list[Evidence]:
    """Return nodes that were not changed."""
    return [
        Evidence(f"other-{number}", requests(300, seed=10 + number), requests(200, seed=20 + number))
        for number in range(count)
    ]


def test_only_what_a_nodes_own_loaders_answered_counts() -> None:
    """Neither failures, nor what a peer served, nor another model."""
    mine = requests(3)
    peers = [RequestRecord(end_unix=0, model="tiny", outcome="answered", served_by="peer:two", latency_ms=1)]
    failed = [RequestRecord(end_unix=0, model="tiny", outcome="error", served_by="loader-1", latency_ms=1)]
    assert served([*mine, *peers, *failed, *requests(2, model="other")], "tiny") == 3


def test_the_time_per_token_leaves_out_the_first() -> None:
    """Of an answer of one token, or one not streamed, there is none."""
    record = RequestRecord(
        end_unix=0, model="m", outcome="answered", served_by="loader-1",
        completion_tokens=5, first_token_ms=60.0, latency_ms=100.0,
    )  # fmt: skip
    single = RequestRecord(
        end_unix=0, model="m", outcome="answered", served_by="loader-1", completion_tokens=1, latency_ms=50.0
    )
    assert values([record, single], "m", "time per token", prompts=False) == [10.0]
    assert values([record, single], "m", "time to first token", prompts=False) == [60.0]
    assert values([record, single], "m", "latency", prompts=False) == [100.0, 50.0]


def test_the_first_round_of_test_prompts_is_left_out() -> None:
    """It finds cold caches."""
    prompts = requests(len(TEST_PROMPTS) + 5, key=OPERATOR_KEY)
    assert len(values(prompts, "tiny", "latency", prompts=True)) == 5
    assert values(prompts, "tiny", "latency", prompts=False) == []


def test_a_node_as_fast_as_before_passes_by_live_traffic() -> None:
    """With a figure each for latency, first token and token time."""
    canary = Evidence("mini-1", requests(300, seed=2), requests(200, seed=3))
    found = judge_node(canary, controls(), ["tiny"], RULE)
    assert found.verdict == "pass"
    assert [len(model.judgements) for model in found.models] == [3]
    assert not found.models[0].by_prompts


def test_a_slower_first_token_fails_though_prompts_were_shorter() -> None:
    """The end-to-end time alone would hide it: its answers have become shorter."""
    slow = requests(200, latency_ms=180.0, token_ms=0.1, seed=4)
    found = judge_node(Evidence("mini-1", requests(300, seed=2), slow), controls(), ["tiny"], RULE)
    assert found.verdict == "fail"
    assert "time to first token p95 of mini-1" in found.sentence


def test_the_worst_model_decides() -> None:
    """One that is fine does not make up for one that is not."""
    before = [*requests(200, seed=2), *requests(200, seed=5, model="big")]
    during = [*requests(200, seed=3), *requests(200, seed=6, model="big", latency_ms=250.0)]
    others = [
        Evidence(one.node, [*one.before, *requests(200, seed=7, model="big")],
                 [*one.during, *requests(200, seed=8, model="big")])
        for one in controls()
    ]  # fmt: skip
    found = judge_node(Evidence("mini-1", before, during), others, ["tiny", "big"], RULE)
    assert [model.verdict for model in found.models] == ["pass", "fail"]
    assert found.sentence.startswith("big: ")


def prompted(slow: float = 1.0, answers: int = 200) -> tuple[Evidence, list[Evidence]]:
    """Return a node with hardly any clients, and test prompts sent to it and to another."""
    few, count = requests(10, seed=2), answers + len(TEST_PROMPTS)
    make: Callable[..., list[RequestRecord]] = lambda seed, ms=100.0: requests(  # noqa: E731
        count, ms, seed=seed, key=OPERATOR_KEY
    )
    canary = Evidence("mini-1", [*few, *make(3)], [*few, *make(4, 100.0 * slow)])
    return canary, [Evidence("mini-2", [*few, *make(5)], [*few, *make(6)])]


def test_test_prompts_stand_in_where_there_is_too_little_traffic() -> None:
    """And are found out as well when they are slow; the sentence says what was judged."""
    canary, others = prompted()
    found = judge_node(canary, others, ["tiny"], RULE)
    assert (found.verdict, found.models[0].by_prompts) == ("pass", True)
    canary, others = prompted(slow=2.5)
    found = judge_node(canary, others, ["tiny"], RULE)
    assert found.verdict == "fail"
    assert "test prompts" in found.sentence


def test_what_so_few_requests_could_never_prove_is_inconclusive() -> None:
    """60 against 60: were all the slowest the canary's, chance would still explain it too easily."""
    canary, others = prompted(slow=2.5, answers=60)
    found = judge_node(canary, others, ["tiny"], RULE)
    assert found.verdict == "inconclusive"
    assert "too few to prove it" in found.sentence
    canary, others = prompted(answers=60)
    assert judge_node(canary, others, ["tiny"], RULE).verdict == "pass"


def test_too_little_of_both_is_inconclusive() -> None:
    """Never passed silently."""
    canary = Evidence("mini-1", requests(300), requests(20))
    assert judge_node(canary, controls(), ["tiny"], RULE).verdict == "inconclusive"


def test_a_node_that_served_nothing_before_has_nothing_to_be_compared_with() -> None:
    """And says so."""
    found = judge_node(Evidence("new", ()), controls(), [], RULE)
    assert (found.verdict, "hard gates only" in found.sentence) == ("pass", True)


def test_a_plainly_slow_node_is_stopped_early_with_a_sentence_of_numbers() -> None:
    """Within a few dozen requests; one as fast as before never, over many."""
    before = Evidence("mini-1", requests(300, seed=2))
    aborts = EarlyAborts(before, controls(), ["tiny"], RULE)
    said = [aborts.add(record) for record in requests(60, 400.0, seed=3)]
    first = next(sentence for sentence in said if sentence)
    assert "tiny: " in first
    assert "1.25 times" in first
    calm = EarlyAborts(before, controls(), ["tiny"], RULE)
    assert not any(calm.add(record) for record in requests(2000, seed=4))
