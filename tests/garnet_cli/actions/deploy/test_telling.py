"""What people are told of a deploy."""

from __future__ import annotations

from garnet_cli.actions.deploy.result import DeployResult, NodeResult
from garnet_cli.actions.deploy.telling import hints, message, rows, sentence
from garnet_cli.judge.evidence import Evidence
from garnet_cli.judge.rollout import NodeVerdict
from node_scripts.monitor.alerts.messages import body, title
from node_scripts.records import OPERATOR_KEY, RequestRecord


def result(outcome: str = "reverted") -> DeployResult:
    """Return a deploy that was taken back from its canary."""
    verdict = NodeVerdict(node="mini-1", verdict="fail", sentence="tiny: 1.60 times", models=())
    return DeployResult(
        deploy="d-1",
        who="ada@desk",
        release="abc",
        started_unix=0.0,
        outcome=outcome,  # type: ignore[arg-type]
        reason="tiny: 1.60 times",
        seconds=61.4,
        nodes=[
            NodeResult(
                node="mini-1", role="canary", outcome="reverted", verdict=verdict,
                before_p95_ms={"tiny": 100.4}, after_p95_ms={"tiny": 160.6},
            ),
            NodeResult(node="mini-2", role="roll"),
        ],
    )  # fmt: skip


def test_the_summary_says_what_who_where_how_long_and_why() -> None:
    """Per node p95 before and after, and the verdict."""
    assert sentence(result()) == "DEPLOY TAKEN BACK on mini-1 by ada@desk in 61 s: tiny: 1.60 times"
    assert rows(result())[0] == ("mini-1", "canary", "100 ms", "161 ms", "reverted", "tiny: 1.60 times")
    assert rows(result())[1] == ("mini-2", "roll", None, None, "untouched", None)


def test_the_message_to_the_alerts_route_is_loud_when_it_was_taken_back() -> None:
    """Its title says so, with the fleet."""
    told = message(result(), "office")
    assert title(told) == "office: DEPLOY TAKEN BACK"
    for part in ("ada@desk", "d-1", "mini-1 | canary | 100 ms | 161 ms | reverted"):
        assert part in body(told)


def test_what_is_left_to_do_is_said() -> None:
    """Held, or a node that could not be reached."""
    assert "garnet deploy resume" in hints(result("held"))[0]
    lost = result()
    lost.nodes[0].outcome, lost.nodes[0].error = "takes itself back", "mini-1: the connection broke"
    assert hints(lost) == ["mini-1 is not taken back yet and goes on by itself: mini-1: the connection broke"]


def test_a_p95_is_of_live_traffic_where_there_is_some_else_of_test_prompts() -> None:
    """Never of both together."""

    def answered(count: int, latency_ms: float, key: str = "") -> list[RequestRecord]:
        values = {"outcome": "answered", "served_by": "loader-1", "key": key, "latency_ms": latency_ms}
        return [RequestRecord(end_unix=0, model="tiny", **values) for _ in range(count)]  # type: ignore[arg-type]

    one = NodeResult(node="mini-1", role="canary")
    live = [*answered(5, 50.0), *answered(20, 900.0, OPERATOR_KEY)]
    one.note_evidence(Evidence("mini-1", live, live), ["tiny"])
    assert one.before_p95_ms == {"tiny": 50.0}
    prompts = answered(20, 900.0, OPERATOR_KEY)
    one.note_evidence(Evidence("mini-1", prompts, prompts), ["tiny"])
    assert one.after_p95_ms == {"tiny": 900.0}
