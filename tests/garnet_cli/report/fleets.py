"""Simulated fleets with an inventory of their own, in a store, for tests, benchmarks and samples."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_file import parse_inventory
from garnet_cli.report.catalogue import read_catalogue
from garnet_cli.report.contents import MonthReport
from garnet_cli.report.figures import month_report
from garnet_cli.report.gather import Reader, gather
from garnet_cli.report.month import Span
from garnet_cli.report.size_class import LEAST_MIDDLE, parameters_billion
from garnet_cli.report.wording import wording
from garnet_cli.store.cache import ParquetCache
from node_scripts.store.directory import DirectoryStore
from tests.simulated.spec import FleetSpec
from tests.simulated.store import simulate
from tests.simulated.truth import Truth

REVISION = "7f0dc925e0d0afb0322d96f9255cfddf2ba5636e"

REFERENCES = (("gpt-4o", 2.5, 1.25, 10.0), ("gpt-4o-mini", 0.15, 0.075, 0.6))
"""API models with prompt, cached and completion tokens in US dollars a million."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A simulated fleet in a store, and what is true of it."""

    reader: Reader
    truth: Truth

    def report(self, span: Span, now_unix: float | None = None) -> MonthReport:
        """Return the report of a period, made when it has just ended unless told when."""
        data = gather(self.reader, span, span.end_unix if now_unix is None else now_unix, lambda _: None)
        return month_report(data, read_catalogue(), wording())


def inventory_of(spec: FleetSpec, store: Path, *, priced: bool = True) -> Inventory:
    """Return an inventory that wants what ``spec`` simulates."""
    return parse_inventory(inventory_text(spec, store, priced=priced).encode(), store / "inventory.toml")


def reference_of(model: str) -> str:
    """Return the API model that a model is compared with: a small one's is cheap."""
    size = parameters_billion(model)
    return REFERENCES[1 if size is not None and size < LEAST_MIDDLE else 0][0]


def inventory_text(spec: FleetSpec, store: Path, *, priced: bool = True) -> str:
    """Return that inventory's text."""
    lines = [
        "[fleet]",
        f'name = "{spec.fleet}"',
        f"store = {json.dumps(str(store))}",
        f'timezone = "{spec.timezone}"',
    ]
    for number, node in enumerate(spec.nodes, 1):
        lines += [
            "[[nodes]]",
            f'name = "{node.name}"',
            f'host = "192.168.{number // 250}.{number % 250 + 1}"',
            'root = "/Users/garnet/garnet"',
            f"memory_gb = {node.memory_bytes // 1024**3}",
        ]
        lines += ["price_usd = 4799"] if priced else []
    for model in spec.models:
        source = model.source or "mlx-community/Unnamed-4bit"
        lines += [
            f"[models.{json.dumps(model.name)}]",
            f'source = "{source}@{REVISION}"',
            f"nodes = {json.dumps(list(model.nodes))}",
        ]
        lines += [f'reference = "{reference_of(model.name)}"'] if priced else []
    if priced:
        lines += [
            "[costs]",
            "tariff_per_kwh = 0.25",
            "overhead_usd_per_month = 150",
        ]
        for name, prompt, cached, completion in REFERENCES:
            lines += [
                f'[costs.reference."{name}"]',
                f"prompt_usd_per_million = {prompt}",
                f"cached_usd_per_million = {cached}",
                f"completion_usd_per_million = {completion}",
                "date = 2026-10-01",
                'source = "the provider\'s list price"',
            ]
    return "\n".join(lines) + "\n"


def stored(spec: FleetSpec, folder: Path, *, priced: bool = True, raw_days: int = 0) -> Stored:
    """Write a simulated fleet into a store below ``folder``."""
    store = folder / "store"
    store.mkdir(parents=True)
    truth = simulate(spec, store, raw_days=raw_days)
    reader = Reader(
        store=DirectoryStore(store),
        inventory=inventory_of(spec, store, priced=priced),
        cache=ParquetCache(folder / "cache"),
    )
    return Stored(reader=reader, truth=truth)
