"""The verdict on one changed node of a deploy, over all its models and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from garnet_cli.judge.canary import Judgement, Rule, Verdict, judge
from garnet_cli.judge.early_abort import EarlyAbort, early_abort
from garnet_cli.judge.evidence import FIGURES, Evidence, is_answer, served, windows
from garnet_cli.judge.readiness import TEST_PROMPTS
from node_scripts.records import OPERATOR_KEY, RequestRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVerdict:
    """What one model's requests say of a changed node."""

    model: str
    verdict: Verdict
    sentence: str
    by_prompts: bool
    """Judged by fixed test prompts, because there was too little traffic."""
    judgements: Sequence[Judgement]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "model": self.model,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "by_prompts": self.by_prompts,
            "figures": [
                {
                    "ratio": None if each.ratio is None else round(each.ratio, 4),
                    "probability": each.probability,
                    "requests": each.canary_requests,
                    "control_requests": each.control_requests,
                    "sentence": each.sentence,
                }
                for each in self.judgements
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeVerdict:
    """What all models say together: the worst of them."""

    node: str
    verdict: Verdict
    sentence: str
    models: Sequence[ModelVerdict]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "node": self.node,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "models": [model.as_json() for model in self.models],
        }


def judge_node(
    canary: Evidence, controls: Sequence[Evidence], models: Sequence[str], rule: Rule
) -> NodeVerdict:
    """Judge a changed node by the models that it served before as well as after.

    A node without such a model has nothing to be compared with: it passes, and the sentence says so.
    """
    found = [judge_model(canary, controls, model, rule) for model in models]
    if not found:
        sentence = f"{canary.node} serves nothing that it served before: hard gates only"
        return NodeVerdict(node=canary.node, verdict="pass", sentence=sentence, models=())
    order: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")
    worst = min(found, key=lambda model: order.index(model.verdict))
    return NodeVerdict(
        node=canary.node, verdict=worst.verdict, sentence=f"{worst.model}: {worst.sentence}", models=found
    )


def judge_model(canary: Evidence, controls: Sequence[Evidence], model: str, rule: Rule) -> ModelVerdict:
    """Judge one model: by live traffic where there is enough of it, else by test prompts."""
    prompts = not enough(canary, model, rule.minimum, prompts=False) and bool(
        served(canary.during, model, prompts=True)
    )
    judgements = []
    for figure in FIGURES:
        own, others = windows(canary, controls, model, figure, prompts=prompts)
        if figure != "latency" and min(len(own.before), len(own.during)) < rule.minimum:
            continue  # answers of one token, or not streamed: the whole latency is all there is
        judgements.append(judge(own, others, rule, f"{figure} of test prompts" if prompts else figure))
    order: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")
    verdict = min((each.verdict for each in judgements), key=order.index)
    chosen = [each for each in judgements if each.verdict == verdict]
    told = max(chosen, key=lambda each: each.ratio or 0.0) if verdict == "fail" else chosen[0]
    return ModelVerdict(
        model=model, verdict=verdict, sentence=told.sentence, by_prompts=prompts, judgements=judgements
    )


def enough(evidence: Evidence, model: str, minimum: int, *, prompts: bool) -> bool:
    """Say whether there are enough requests before and during for a verdict."""
    counts = (served(records, model, prompts=prompts) for records in (evidence.before, evidence.during))
    return min(counts) >= minimum


class EarlyAborts:
    """The tests of one changed node that may stop its watch at any time."""

    def __init__(
        self, canary: Evidence, controls: Sequence[Evidence], models: Sequence[str], rule: Rule
    ) -> None:
        """Prepare one test a model, a figure, and a kind of traffic that has a time before."""
        self._limit = rule.ratio_limit
        self._prompts: dict[str, int] = {}
        """Test prompts so far, by model: the first round finds cold caches."""
        self._tests: dict[tuple[str, str, bool], EarlyAbort] = {}
        for model in models:
            for figure in FIGURES:
                for prompts in (False, True):
                    own, others = windows(canary, controls, model, figure, prompts=prompts)
                    test = early_abort(own, others, rule)
                    if test is not None:
                        self._tests[model, figure, prompts] = test

    def add(self, record: RequestRecord) -> str | None:
        """Take one request in; return the sentence that says why to stop now, or ``None``."""
        if not is_answer(record):
            return None
        prompts = record.key == OPERATOR_KEY
        if prompts:
            self._prompts[record.model] = self._prompts.get(record.model, 0) + 1
            if self._prompts[record.model] <= len(TEST_PROMPTS):
                return None
        for figure, of in FIGURES.items():
            test, value = self._tests.get((record.model, figure, prompts)), of(record)
            if test is not None and value is not None and test.add(value):
                return (
                    f"{record.model}: {test.slow} of {test.seen} requests since the change had a {figure}"
                    f" beyond {self._limit:.2f} times the p95 before, where 5 % may: stopped early"
                )
        return None
