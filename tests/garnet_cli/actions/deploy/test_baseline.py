"""Where test prompts have to stand in for clients."""

from __future__ import annotations

from garnet_cli.actions.deploy.baseline import quiet_models, recent
from garnet_cli.fleet.inventory import DeploySettings
from node_scripts.records import RequestRecord

CAREFUL = DeploySettings(watch_s=600, roll_watch_s=100, requests=60)
NOW = 10_000.0


def answered(model: str, count: int, age_s: float = 10.0) -> list[RequestRecord]:
    """Return answers that ended ``age_s`` seconds ago."""
    values = {"outcome": "answered", "served_by": "loader-1", "latency_ms": 5.0}
    return [RequestRecord(end_unix=NOW - age_s, model=model, **values) for _ in range(count)]  # type: ignore[arg-type]


def test_a_model_that_is_quiet_on_one_changed_node_is_prompted_on_all() -> None:
    """They are compared with each other; a node that is not changed may be quiet."""
    models = {"one": ["a", "b"], "two": ["a", "b"], "three": ["b"]}
    records = {
        "one": [*answered("a", 90), *answered("b", 89)],
        "two": [*answered("a", 90), *answered("b", 200)],
        "three": answered("b", 500),
    }
    found = quiet_models(records, models, ["one", "two"], CAREFUL, NOW)
    assert found == {"one": ["b"], "two": ["b"], "three": ["b"]}
    assert quiet_models(records, models, ["two"], CAREFUL, NOW) == {}


def test_what_was_answered_before_the_shortest_watch_says_nothing_of_traffic_now() -> None:
    """An hour ago there were clients."""
    records = {"one": [*answered("a", 500, age_s=200.0), *answered("a", 10)]}
    assert quiet_models(records, {"one": ["a"]}, ["one"], CAREFUL, NOW) == {"one": ["a"]}
    assert len(recent(records, 600, NOW)["one"]) == 510


def test_a_new_node_needs_none() -> None:
    """It served nothing that it could be compared with."""
    assert quiet_models({}, {}, ["new"], CAREFUL, NOW) == {}
