"""The weekly: read a week from the store, judge it, write its artifacts, tell people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from garnet_cli.actions.local_artifacts import local_artifacts
from garnet_cli.actions.weekly_totals import WeekReader, read_week
from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.secrets_file import read_secrets
from garnet_cli.judge.anomalies import find_anomalies
from garnet_cli.judge.costs import cost_diff
from garnet_cli.judge.costs_basis import basis_of
from garnet_cli.judge.evictions import CacheNeed, eviction_log
from garnet_cli.judge.memory import GIB, ArtifactSize
from garnet_cli.judge.placement import best_placement
from garnet_cli.judge.placement_totals import placement_problem
from garnet_cli.store.cache import ParquetCache
from garnet_cli.store.minutes import read_events
from garnet_cli.store.weeks import Week
from garnet_cli.weekly.artifacts import headline, message
from garnet_cli.weekly.completeness import completeness_of
from garnet_cli.weekly.contents import Weekly
from garnet_cli.weekly.next_steps import next_steps
from garnet_cli.weekly.traffic import traffic_of
from node_scripts.files import write_atomically
from node_scripts.loader_cache import prompt_cache_bytes, sequence_bytes
from node_scripts.monitor.alerts.delivery import Delivered, deliver_to_each, urls_of
from node_scripts.monitor.alerts.messages import Message
from node_scripts.store.layout import weekly_prefix
from node_scripts.store.objects import ObjectStore

ROUTE = "alerts"
Report = Callable[[str], None]


def weekly(
    store: ObjectStore,
    inventory: Inventory,
    week: Week,
    now_unix: float,
    environ: Mapping[str, str],
    report: Report,
    *,
    cache: ParquetCache | None = None,
) -> Weekly:
    """Return all that one week says. ``report`` is told what is being done.

    ``environ`` tells where artifacts may lie on this machine, whose sizes say what fits.

    Of a week that goes on, what has passed of it is read. Raises GarnetError where the store has no minute
    of it, and as the readers of the store do.
    """
    minute_s = inventory.telemetry.minute_s
    until = min(week.end_unix, now_unix // minute_s * minute_s)
    totals = read_week(WeekReader(store=store, inventory=inventory, report=report, cache=cache), week, until)
    completeness = completeness_of(totals.this)
    report("reading the events")
    begin = totals.last.begin_unix if totals.last else week.begin_unix
    events = list(read_events(store, inventory.fleet.name, begin, until, cache=cache))
    report("computing costs")
    costs = cost_diff(totals.this_sums, totals.last_sums, basis_of(inventory))
    anomalies = tuple(find_anomalies(costs, totals.this_sums, totals.last_sums))
    artifacts = local_artifacts(inventory, environ)
    evictions = eviction_log(totals.this, events, last=totals.last, caches=cache_needs(inventory, artifacts))
    report("looking for a better placement")
    problem = placement_problem(inventory, totals.history, artifacts)
    placement = best_placement(problem)
    return Weekly(
        fleet=inventory.fleet.name,
        week=week,
        until_unix=until,
        made_unix=now_unix,
        weeks_known=len(totals.history),
        completeness=completeness,
        last_completeness=completeness_of(totals.last) if totals.last else None,
        traffic=traffic_of(totals.this),
        placement=placement,
        costs=costs,
        anomalies=anomalies,
        evictions=evictions,
        steps=next_steps(week.name, completeness, anomalies, placement, evictions),
    )


def cache_needs(inventory: Inventory, artifacts: Mapping[str, ArtifactSize]) -> dict[str, CacheNeed]:
    """Return what each model's prompt cache may keep and its requests in flight need, as far as known."""
    found = {}
    for model in inventory.models:
        size = artifacts.get(model.name)
        if size is not None:
            kept = prompt_cache_bytes(size.config, size.weight_bytes, model.context)
            sequence = sequence_bytes(size.config, size.weight_bytes, model.context)
            found[model.name] = CacheNeed(
                budget_bytes=kept if model.cache_gb is None else int(model.cache_gb * GIB),
                need_bytes=model.concurrency * sequence,
            )
    return found


def save(files: Mapping[str, bytes], folder: Path, week: Week) -> list[Path]:
    """Write the artifacts into ``folder/<week>/``, each whole or not at all, and return where they are.

    Raises GarnetError where they cannot be written.
    """
    place = folder / week.name
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(place / name, content, mode=0o644)
    except OSError as error:
        raise GarnetError(f"cannot write {place}: {error.strerror}", remedy="name another folder") from error
    return [place / name for name in files]


def publish(store: ObjectStore, fleet: str, week: Week, files: Mapping[str, bytes]) -> list[str]:
    """Put the artifacts into the store in place of earlier ones and return their keys. Raises StoreError."""
    keys = [f"{weekly_prefix(fleet, week.name)}{name}" for name in files]
    for key, content in zip(keys, files.values(), strict=True):
        store.put(key, content, only_new=False)
    return keys


def send(
    found: Weekly, inventory: Inventory, environ: Mapping[str, str], who: str, now_unix: float
) -> list[Delivered]:
    """Send the summary from this machine on the alerts route; return how each URL took it.

    Nothing without a URL. Raises UsageError for a file of secrets that cannot be read.
    """
    urls: Sequence[str] = urls_of(ROUTE, read_secrets(inventory, environ))
    text = Message(
        route=ROUTE,
        time_unix=now_unix,
        fleet=found.fleet,
        node=who,
        items=[],
        note=message(found),
        heading=headline(found),
    )
    return deliver_to_each(text, urls)
