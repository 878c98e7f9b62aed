"""From minutes to the page's figures."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import msgspec

from garnet_cli.dashboard.cost import Assumptions
from garnet_cli.dashboard.page import data_json
from garnet_cli.dashboard.page_data import PageData
from node_scripts.histogram import merged
from node_scripts.records import Minute, MonitorMinute, PowerMinute, ThermalMinute
from tests.garnet_cli.dashboard import simulated
from tests.garnet_cli.dashboard.pages import NOW, fleet, made_of, working_day


def bare(node: str, minute_unix: int, **more: object) -> Minute:
    """Return a minute in which nothing was read."""
    minute = Minute(
        fleet="office", node=node, minute_unix=minute_unix, sealed_unix=minute_unix + 62.0, covered_s=60.0
    )
    for name, value in more.items():
        setattr(minute, name, value)
    return minute


LAST = NOW // 60 * 60 - 60


def test_sums_are_those_of_the_minutes_in_any_order() -> None:
    """Totals, models and nodes add up to the same requests and tokens; order does not matter."""
    minutes = list(simulated.minutes(LAST - 3600, LAST, simulated.NODES[:3], simulated.MODELS))
    expected = sum(part.client.requests for minute in minutes for part in minute.models.values())
    shuffled = list(minutes)
    random.Random(1).shuffle(shuffled)
    page = made_of(minutes, fleet(simulated.NODES[:3]), hours=2)
    assert page == made_of(shuffled, fleet(simulated.NODES[:3]), hours=2)
    assert page.totals.requests == expected == sum(model.requests for model in page.models)
    assert page.totals.requests == sum(node.requests for node in page.nodes)
    assert page.totals.requests == page.totals.answered + page.totals.errors + page.totals.cancelled
    assert sum(page.totals.request_count) == expected
    assert page.totals.completion_tokens == sum(model.completion_tokens for model in page.models)


def test_percentiles_come_from_merged_histograms() -> None:
    """A model's p95 is that of all its requests, not a mean of minutes' percentiles."""
    minutes = list(simulated.minutes(LAST - 1800, LAST, simulated.NODES[:2], ("m",)))
    page = made_of(minutes, fleet(simulated.NODES[:2], ("m",)), hours=1)
    whole = merged(minute.models["m"].client.latency_ms for minute in minutes).quantile(0.95)
    assert whole is not None
    assert page.models[0].p95_ms == round(whole, 1) == page.totals.p95_ms


def test_no_minutes_at_all_is_unknown_everywhere_not_zero() -> None:
    """Every figure that needs a reading is None, every node is without data."""
    page = made_of([], fleet())
    assert {node.state for node in page.nodes} == {"no data"}
    assert page.totals.p95_ms is None
    assert page.totals.throttle_pct is None
    assert page.cost.kwh is None
    assert page.cost.usd_per_million is None
    assert set(page.totals.completion_per_s) == {None}
    assert all(set(node.celsius_max) == {None} for node in page.nodes)
    assert page.completeness.covered_pct == 0.0


def test_one_minute_makes_one_point() -> None:
    """The step of the only minute is known, its neighbours are not; the rate is over what is known."""
    minute = next(simulated.minutes(LAST, LAST + 60, ("mini-1",), ("m",)))
    page = made_of([minute], fleet(("mini-1",), ("m",)))
    known = [rate for rate in page.totals.completion_per_s if rate is not None]
    assert known == [round(minute.models["m"].client.completion_tokens / 60, 1)]
    assert page.nodes[0].state == "serving"


def test_gaps_stay_gaps() -> None:
    """Ten minutes without a minute are unknown steps, counted as not covered."""
    minutes = [
        minute
        for minute in simulated.minutes(LAST - 3600, LAST, ("mini-1",), ("m",))
        if not LAST - 1800 <= minute.minute_unix < LAST - 1200
    ]
    page = made_of(minutes, fleet(("mini-1",), ("m",)), hours=1)
    assert page.step_s == 60
    gap = [index for index, value in enumerate(page.totals.completion_per_s) if value is None]
    assert len([index for index in gap if index < 50]) == 10
    assert page.nodes[0].covered_pct[gap[0]] == 0.0
    assert page.completeness.covered_minutes == 48


def test_unknown_sensors_stay_unknown() -> None:
    """A node that reads nothing shows nothing; it still counts as covered."""
    page = made_of([bare("mini-1", LAST)], fleet(("mini-1",)), hours=1)
    node = page.nodes[0]
    unknown = (
        node.celsius,
        node.fan_rpm,
        node.watts,
        node.memory_used_bytes,
        node.throttle_pct,
        node.pressure,
    )
    assert set(unknown) == {None}
    assert set(node.throttled_s) == {None}
    assert node.state == "idle"
    assert page.completeness.covered_minutes == 1.0


def test_parts_of_a_minute_add_up_and_never_cover_more_than_it() -> None:
    """The clock went back: two parts of one minute."""
    first, second = bare("mini-1", LAST), bare("mini-1", LAST, part=1)
    page = made_of([first, second], fleet(("mini-1",)), hours=1)
    assert page.completeness.covered_minutes == 1.0


def test_states_follow_the_last_minute() -> None:
    """Silent, proxy down and throttled are told apart."""
    down = MonitorMinute(proxy_up_s=5.0, proxy_down_s=55.0)
    hot = ThermalMinute(level_s=[30, 30, 0, 0, 0], observed_s=60, packed_s=60, packed_throttled_s=30)
    page = made_of(
        [bare("a", LAST - 600), bare("b", LAST, monitor=down), bare("c", LAST, thermal=hot)],
        fleet(("a", "b", "c", "d")),
        hours=1,
    )
    assert [node.state for node in page.nodes] == ["silent", "proxy down", "throttled", "no data"]
    assert page.totals.throttle_pct == 50.0


def test_cost_uses_prices_and_measured_joules() -> None:
    """One node is unmetered and one unpriced: both are named, neither counts as free in silence."""
    power = PowerMinute(joules=3600.0, seconds=60, watts_max=80, source="shelly")
    facts = replace(fleet(("a", "b")), prices_usd={"a": 1999.0, "b": None})
    page = made_of([bare("a", LAST, power=power), bare("b", LAST)], facts, hours=1)
    assert page.cost.kwh == 0.001
    assert page.cost.unpriced_nodes == ("b",)
    assert page.cost.unmetered_nodes == ("b",)
    assert page.assumptions == Assumptions()


def test_losses_are_counted() -> None:
    """What monitors count as lost is on the page."""
    lost = MonitorMinute(unrecorded_requests=3, corrupt_lines=2, dropped_minutes=1)
    found = made_of([bare("a", LAST, monitor=lost)], fleet(("a",)), hours=1).completeness
    assert (found.unrecorded_requests, found.corrupt_lines, found.dropped_minutes) == (3, 2, 1)


def test_document_is_finite_json_that_reads_back_as_itself() -> None:
    """No NaN, no infinity; the schema holds."""
    page = working_day(hours=3)
    again = msgspec.json.decode(data_json(page), type=PageData)
    assert again == page
    assert all(math.isfinite(rate) for rate in again.totals.prompt_per_s if rate is not None)


def test_nodes_and_models_that_the_inventory_lost_come_last() -> None:
    """Their minutes still count."""
    minute = next(simulated.minutes(LAST, LAST + 60, ("former",), ("gone",)))
    page = made_of([minute], fleet(("mini-1",), ("m",)), hours=1)
    assert [node.name for node in page.nodes] == ["mini-1", "former"]
    assert [model.name for model in page.models] == ["m", "gone"]
