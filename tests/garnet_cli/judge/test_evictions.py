"""The eviction log: every rule on a fleet in which it holds, and nothing on one that does well."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from garnet_cli.judge.evictions import CacheNeed, EvictionEntry, EvictionLog, eviction_log
from garnet_cli.store.totals import Totals
from node_scripts.records import Event
from tests.simulated.fleets import quiet_fleet
from tests.simulated.happenings import told_events
from tests.simulated.spec import FleetSpec, Injected, InjectedKind
from tests.simulated.totals import simulate_totals

LLAMA, QWEN = "llama-3.3-70b", "qwen3-32b"
HOUR = 3600.0
GIB = 1024**3


@lru_cache(maxsize=8)
def weeks(spec: FleetSpec) -> tuple[Totals, Totals]:
    """Return the totals of a spec's two weeks by the hour, the second first."""
    totals = simulate_totals(spec, "hour", histograms=False)
    middle = spec.local_midnight(7)
    return totals.between(middle, spec.end_unix), totals.between(spec.begin_unix, middle)


def injected(kind: InjectedKind, begin: float, end: float = 1e9, **more: Any) -> Injected:
    """Return something injected."""
    return Injected(kind=kind, begin_day=begin, end_day=end, **more)


def log_of(*happen: Injected, events: Sequence[Event] | None = None, **changes: Any) -> EvictionLog:
    """Return the second week's log of a fleet that does well but for what is injected."""
    spec = replace(quiet_fleet(days=14, injected=happen), **changes)
    this, last = weeks(spec)
    return eviction_log(this, told_events(spec) if events is None else events, last=last)


def models(log: EvictionLog) -> list[EvictionEntry]:
    """Return the models that left nodes."""
    return [entry for entry in log.entries if entry.what == "model"]


def caches(log: EvictionLog, model: str) -> list[EvictionEntry]:
    """Return the prompt caches of a model."""
    return [entry for entry in log.entries if entry.what == "cache" and entry.model == model]


def swap(spec: FleetSpec, day: float, before: str, after: str) -> Event:
    """Return the end of a swap of one artifact for another."""
    unix = spec.unix_of(day)
    return Event(
        id=f"{int(unix * 1e6):016x}-00000001",
        time_unix=unix,
        fleet=spec.fleet,
        node="mini-1",
        kind="swap",
        subject=LLAMA,
        action="done",
        who="ada@office",
        detail={
            "from": f"repo/{before}",
            "from_artifact": before,
            "to": f"repo/{after}",
            "to_artifact": after,
        },
    )


# --- models -------------------------------------------------------------------------------------


def test_a_fleet_that_does_well_has_no_bug_in_its_log() -> None:
    """Loaders stay, and caches push out no more than they must."""
    log = log_of()
    assert not models(log)
    assert log.bugs == ()
    assert {entry.rule for entry in log.entries} <= {"normal_turnover", "kept_long_enough"}


def test_a_model_loaded_again_within_a_day_should_not_have_left() -> None:
    """The reason says after how long, the entry who, when and how large."""
    (entry,) = models(log_of(injected("model_evicted", 8.0, 8.25, node="mini-1", model=LLAMA)))
    assert (entry.node, entry.model, entry.rule) == ("mini-1", LLAMA, "loaded_again")
    assert entry.verdict == "placement bug"
    assert entry.reason == "It was loaded again on mini-1 6 h later."
    assert entry.remedy == f"keep {LLAMA} on mini-1 in the inventory"
    assert entry.time_unix == quiet_fleet().unix_of(8.0)
    assert 40 * GIB < (entry.size_bytes or 0) < 45 * GIB


def test_a_model_that_no_node_has_and_that_is_asked_for_is_a_bug() -> None:
    """It left both of its nodes: two entries."""
    found = models(log_of(injected("model_evicted", 9.0, model=LLAMA)))
    assert {(entry.node, entry.rule, entry.justified) for entry in found} == {
        ("mini-1", "nowhere_served", False),
        ("mini-2", "nowhere_served", False),
    }
    assert "and no node has it" in found[0].reason


def test_a_model_that_nobody_asks_for_may_leave() -> None:
    """From its last node, too."""
    nothing = injected("traffic_down", 0, model=LLAMA)
    found = models(log_of(nothing, injected("model_evicted", 9.0, model=LLAMA)))
    assert {(entry.rule, entry.justified) for entry in found} == {("not_asked_for", True)}


def test_a_model_that_was_little_used_may_leave() -> None:
    """The week before shows it."""
    rare = injected("traffic_down", 0, model=LLAMA, strength=0.97)
    (entry,) = models(log_of(rare, injected("model_evicted", 9.0, node="mini-1", model=LLAMA)))
    assert (entry.rule, entry.justified) == ("little_used", True)


def test_a_model_that_its_peers_carry_may_leave() -> None:
    """Two loaders' work is little enough for one."""
    (entry,) = models(log_of(injected("model_evicted", 9.0, node="mini-1", model=LLAMA)))
    assert (entry.rule, entry.justified) == ("carried_by_peers", True)
    assert entry.remedy == ""


def test_a_model_whose_peers_are_overloaded_since_is_a_bug() -> None:
    """They are at work nearly all the time."""
    busy = injected("traffic_up", 0, model=LLAMA, strength=5)
    (entry,) = models(log_of(busy, injected("model_evicted", 9.0, node="mini-1", model=LLAMA)))
    assert (entry.rule, entry.justified) == ("peers_overloaded", False)
    assert "garnet deploy" in entry.remedy


def test_a_model_whose_requests_are_refused_since_is_a_bug() -> None:
    """More than before, by share and by number."""
    spec = quiet_fleet(days=14, injected=(injected("model_evicted", 9.0, node="mini-1", model=LLAMA),))
    this, last = weeks(spec)
    left = spec.unix_of(9.0)
    rows = [
        replace(row, errors={"overloaded": row.requests // 10})
        if row.model == LLAMA and row.begin_unix >= left
        else row
        for row in this.models
    ]
    (entry,) = models(eviction_log(replace(this, models=tuple(rows)), told_events(spec), last=last))
    assert (entry.rule, entry.justified) == ("refused_since", False)


def test_a_model_that_made_room_for_a_busier_one_may_leave() -> None:
    """Which came within two hours, and is at work more of the time."""
    spec = quiet_fleet(
        days=14,
        injected=(
            injected("model_evicted", 9.0, node="mini-1", model=LLAMA),
            injected("traffic_down", 0, model=LLAMA, strength=0.2),
            injected("model_evicted", 0, 9.03, node="mini-1", model=QWEN),
            injected("traffic_up", 0, model=QWEN, strength=3),
        ),
    )
    everywhere = tuple(replace(m, nodes=(*m.nodes, "mini-1")) if m.name == QWEN else m for m in spec.models)
    this, last = weeks(replace(spec, models=everywhere))
    (entry,) = models(eviction_log(this, [], last=last))
    assert (entry.model, entry.rule, entry.justified) == (LLAMA, "room_for_busier", True)


def test_a_model_that_left_at_the_end_of_what_is_known_is_unclear() -> None:
    """Until its traffic since is known."""
    spec = quiet_fleet(days=14, injected=(injected("model_evicted", 13.98, node="mini-1", model=LLAMA),))
    this, last = weeks(spec)
    final = this.buckets[-1].begin_unix
    rows = [
        replace(row, loader_minutes=30) if (row.begin_unix, row.node) == (final, "mini-1") else row
        for row in this.models
    ]
    (entry,) = models(eviction_log(replace(this, models=tuple(rows)), told_events(spec), last=last))
    assert (entry.rule, entry.justified, entry.verdict) == ("too_little_known", None, "unclear")


def test_a_deploy_that_stopped_a_loader_tells_it_in_its_own_way() -> None:
    """As pairs of kind and subject."""
    spec = quiet_fleet(days=14, injected=(injected("model_evicted", 9.0, node="mini-1", model=LLAMA),))
    told = told_events(spec)[0]
    moment = told.time_unix + 120
    deploy = replace(
        told,
        kind="deploy",
        action="changing",
        time_unix=moment,
        detail={"changes": [["release", "release-2"], ["stop loader", LLAMA]]},
    )
    (entry,) = models(log_of(*spec.injected, events=[deploy]))
    assert (entry.model, entry.time_unix) == (LLAMA, moment)


def test_a_departure_that_no_event_tells_is_seen_in_the_minutes() -> None:
    """At the hour from which on the loader is gone."""
    gone = injected("model_evicted", 9.0, node="mini-1", model=LLAMA)
    (told,) = models(log_of(gone))
    (seen,) = models(log_of(gone, events=()))
    assert seen == told


def test_a_node_that_shipped_nothing_evicted_nothing() -> None:
    """Missing minutes are not missing loaders."""
    assert not models(log_of(injected("missing_minutes", 9.0, 10.0, node="mini-1"), events=()))


def test_a_command_that_failed_to_stop_a_loader_evicted_nothing() -> None:
    """The minutes show it still there."""
    spec = quiet_fleet(days=14, injected=(injected("model_evicted", 9.0, node="mini-1", model=LLAMA),))
    assert not models(log_of(events=told_events(spec)))


def test_a_command_run_twice_evicted_once() -> None:
    """The second goes on where the first was cut off."""
    spec = quiet_fleet(days=14, injected=(injected("model_evicted", 9.0, node="mini-1", model=LLAMA),))
    event = told_events(spec)[0]
    for later_s in (300, 5 * HOUR):
        later = replace(event, time_unix=event.time_unix + later_s)
        assert len(models(log_of(*spec.injected, events=[event, later]))) == 1


def test_a_departure_of_the_week_before_is_not_of_this_one() -> None:
    """It was in that week's log."""
    assert not models(log_of(injected("model_evicted", 3.0, node="mini-1", model=LLAMA)))


def test_a_month_in_which_a_model_left_at_some_time_is_not_mistaken_for_its_end() -> None:
    """Where the time before is one long bucket, as in a monthly report."""
    spec = quiet_fleet(days=14, injected=(injected("model_evicted", 3.0, node="mini-1", model=LLAMA),))
    totals = simulate_totals(spec, "day", histograms=False)
    middle = spec.local_midnight(7)
    before = simulate_totals(replace(spec, days=7), "window", histograms=False)
    assert not models(eviction_log(totals.between(middle, spec.end_unix), [], last=before))


def test_a_swap_evicts_an_artifact_and_one_that_is_undone_was_a_bug() -> None:
    """Who did it is said."""
    spec = quiet_fleet(days=14)
    (entry,) = models(log_of(events=[swap(spec, 9.0, "old", "new")]))
    assert (entry.rule, entry.justified) == ("replaced", True)
    assert entry.reason == "ada@office swapped repo/old for repo/new, which has stayed."
    back = [swap(spec, 9.0, "old", "new"), swap(spec, 9.25, "new", "old")]
    first, second = sorted(models(log_of(events=back)), key=lambda one: one.time_unix or 0)
    assert (first.rule, first.justified) == ("replaced_back", False)
    assert first.reason == "repo/old left for repo/new and was swapped back 6 h later."
    assert second.rule == "replaced"


def test_a_swap_to_the_same_artifact_evicts_nothing() -> None:
    """It is a restart under traffic."""
    assert not models(log_of(events=[swap(quiet_fleet(days=14), 9.0, "same", "same")]))


# --- prompt caches ------------------------------------------------------------------------------


def test_a_hit_rate_that_fell_at_the_same_traffic_is_a_bug() -> None:
    """The cache evicts what is asked for again."""
    log = log_of(injected("cache_evictions", 7.0, model=LLAMA))
    found = caches(log, LLAMA)
    assert [(entry.rule, entry.justified) for entry in found] == [("hits_fell", False)] * 2
    assert re.fullmatch(
        r"The hit rate fell from 7\d % to 4\d %, though traffic went from [\d,]+ to [\d,]+ requests\.",
        found[0].reason,
    )
    assert "cache_gb" in found[0].remedy
    assert {entry.justified for entry in caches(log, QWEN)} == {True}


def test_a_hit_rate_that_fell_as_traffic_grew_is_justified() -> None:
    """More conversations share the cache."""
    grown = injected("traffic_up", 7.0, model=LLAMA, strength=0.8)
    found = caches(log_of(grown, injected("cache_evictions", 7.0, model=LLAMA)), LLAMA)
    assert {(entry.rule, entry.justified) for entry in found} == {("traffic_grew", True)}


def test_a_budget_under_need_with_few_hits_is_a_bug_that_names_the_budget() -> None:
    """Because it is the budget that can be raised."""
    this, last = weeks(quiet_fleet(days=14, injected=(injected("cache_evictions", 7.0, model=LLAMA),)))
    need = {LLAMA: CacheNeed(budget_bytes=4 * GIB, need_bytes=9 * GIB)}
    entry = caches(eviction_log(this, [], last=last, caches=need), LLAMA)[0]
    assert (entry.rule, entry.justified) == ("budget_under_need", False)
    assert "may keep 4.0 GB" in entry.reason
    assert "need up to 9.0 GB" in entry.reason
    assert entry.remedy == f"set cache_gb of [models.{LLAMA}] to 9.0, then run `garnet deploy`"
    roomy = {LLAMA: CacheNeed(budget_bytes=9 * GIB, need_bytes=9 * GIB)}
    assert caches(eviction_log(this, [], last=last, caches=roomy), LLAMA)[0].rule == "hits_fell"


def test_many_evictions_at_a_steady_hit_rate_are_justified() -> None:
    """What left was not missed; where it was kept for long, that is said."""
    fast = tuple(replace(one, evictions_per_minute=2.0) for one in quiet_fleet().models)
    assert {entry.rule for entry in caches(log_of(models=fast), LLAMA)} == {"hits_held"}
    slow = tuple(replace(one, evictions_per_minute=0.2) for one in quiet_fleet().models)
    (entry, _) = caches(log_of(models=slow), LLAMA)
    assert (entry.rule, entry.justified) == ("kept_long_enough", True)
    assert "2 h on the mean" in entry.reason


def test_few_hits_this_week_and_last_are_unclear() -> None:
    """Prompts that never repeat look the same as a small cache."""
    rare = tuple(replace(one, evictions_per_minute=2.0, hit_rate=0.2) for one in quiet_fleet().models)
    (entry, _) = caches(log_of(models=rare), LLAMA)
    assert (entry.rule, entry.justified) == ("too_little_known", None)


def test_counts_are_of_the_loaders_and_sizes_of_the_events() -> None:
    """They add up to the window's totals."""
    this, last = weeks(quiet_fleet(days=14, injected=(injected("cache_evictions", 7.0, model=LLAMA),)))
    log = eviction_log(this, [], last=last)
    entries = [entry for entry in log.entries if entry.what == "cache"]
    assert sum(entry.count for entry in entries) == log.cache_evictions
    assert log.cache_evictions == sum(row.loader_evictions or 0 for row in this.models)
    assert log.cache_evicted_bytes == sum(entry.size_bytes or 0 for entry in entries)
    assert log.cache_evictions_before == sum(row.loader_evictions or 0 for row in last.models)
    assert [entry.count for entry in entries] == sorted((entry.count for entry in entries), reverse=True)


# --- the log ------------------------------------------------------------------------------------


def test_the_top_ones_are_listed_and_the_rest_counted() -> None:
    """Of models and of caches apart."""
    spec = quiet_fleet(days=14, injected=(injected("model_evicted", 9.0, model=LLAMA),))
    this, last = weeks(spec)
    log = eviction_log(this, told_events(spec), last=last, top=1)
    assert [entry.what for entry in log.entries] == ["model", "cache"]
    assert log.left_out == 4
    assert log.model_evictions == 2


def test_a_log_is_plain_data_and_the_same_for_the_same_input() -> None:
    """As JSON."""
    spec = quiet_fleet(days=14, injected=(injected("model_evicted", 9.0, 9.5, model=LLAMA),))
    this, last = weeks(spec)
    one, other = (json.dumps(eviction_log(this, told_events(spec), last=last).as_json()) for _ in range(2))
    assert one == other
    assert json.loads(one)["entries"][0]["verdict"] == "placement bug"


def test_without_a_week_before_and_without_loaders_the_log_says_what_it_does_not_know() -> None:
    """Unknown, not none."""
    spec = quiet_fleet(days=7, injected=(injected("model_evicted", 0.0),))
    log = eviction_log(simulate_totals(spec, "hour", histograms=False), [])
    assert (log.cache_evictions, log.cache_evicted_bytes, log.cache_evictions_before) == (None, None, None)
    assert log.entries == ()


@pytest.mark.parametrize("seed", range(20))
def test_quiet_weeks_have_no_bug(seed: int) -> None:
    """Whatever the dice say."""
    assert log_of(seed=seed).bugs == ()
