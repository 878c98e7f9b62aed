"""The keys of `[costs]` and `[costs.reference.NAME]`, as in `inventory_schema`, and their rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from garnet_cli.fleet.inventory import CostSettings, ModelEntry, NodeEntry, ReferencePrice
from garnet_cli.fleet.inventory_keys import Key, any_of, read_keys
from garnet_cli.fleet.inventory_mistakes import Mistakes
from garnet_cli.fleet.inventory_values import MODEL_NAME, nearest, number, shown, text, whole

CURRENCY = re.compile(r"[A-Z]{3}")
REFERENCE = "reference"


def day(value: Any) -> date:
    """Read a TOML date without a time."""
    if not isinstance(value, date) or isinstance(value, datetime):
        given = "a date with a time" if isinstance(value, datetime) else shown(value)
        raise ValueError(f"is {given}, expected a date such as 2026-11-01, without quotes")  # noqa: TRY004
    return value


def _key(name: str, read: Any, doc: str, example: str, default_text: str = "") -> Key:
    default = CostSettings.__dataclass_fields__[name].default
    return Key(name, read, doc, example, default, default_text)


COST_KEYS = (
    _key("life_months", whole(1, 600), "Months over which a node's `price_usd` is written off evenly.", "36"),
    _key("residual_pct", number(0, 100),
        "What a node is still worth after that time, as a percentage of its price.", "20"),
    _key("tariff_per_kwh", number(0, 1000), "Price of a kWh of electricity, in `currency`.", "0.34"),
    _key("currency", text("three letters such as EUR", CURRENCY),
        "Currency of `tariff_per_kwh`, by its three letters; all costs are shown in US dollars.", '"EUR"'),
    _key("usd_per_currency", number(0.000001, 1000),
        "US dollars for one unit of `currency`; required where that is not USD.", "1.16",
        "1 for USD"),
    _key("overhead_usd_per_month", number(0, 10_000_000),
        "Rent, network and people's time for the whole fleet, in US dollars a month; divided evenly among"
        " the nodes.", "120"),
    _key("overhead_pct", number(0, 1000),
        "Overhead as a percentage of hardware and energy; comes on top of `overhead_usd_per_month`.", "15",
        "0"),
    _key("idle_watts", number(0, 10_000),
        "Power of a node at rest, in watts: divides measured energy into work and idling, and estimates it"
        " where nothing was measured.", "5"),
    _key("nameplate_watts", number(1, 10_000),
        "Most power that a node draws, in watts (140 is Apple's figure for an M4 Pro mini): estimates energy"
        " where nothing was measured.", "140"),
    _key("token_floor", whole(1, 1_000_000_000_000),
        "Tokens in a window below which there is no price per million: it would tell of the pause.",
        "100000"),
)  # fmt: skip

REFERENCE_KEYS = (
    Key("prompt_usd_per_million", number(0, 100_000), "US dollars for a million prompt tokens.", "0.15",
        required=True),
    Key("cached_usd_per_million", number(0, 100_000),
        "US dollars for a million prompt tokens that the provider had cached.", "0.075",
        default_text="`prompt_usd_per_million`"),
    Key("completion_usd_per_million", number(0, 100_000), "US dollars for a million completion tokens.",
        "0.60", required=True),
    Key("date", day, "The day on which the prices were read.", "2024-10-01", required=True),
    Key("source", text("where the prices were read"), "Where they were read.",
        '"https://openai.com/api/pricing"', required=True),
)  # fmt: skip


def read_costs(table: Any, mistakes: Mistakes) -> CostSettings | None:
    """Return `[costs]` with its references, or ``None`` where a mistake was noted."""
    before = len(mistakes.found)
    references: Any = {}
    if isinstance(table, dict):
        references = table.get(REFERENCE, {})
        table = {name: value for name, value in table.items() if name != REFERENCE}
    values = read_keys(table, COST_KEYS, ("costs",), "[costs]", mistakes)
    if not isinstance(references, dict):
        mistakes.add(
            ("costs", REFERENCE), f"is {shown(references)}, expected a table headed [costs.reference.NAME]"
        )
        return None
    prices = {name: _reference(name, value, mistakes) for name, value in references.items()}
    if len(mistakes.found) > before:
        return None
    return CostSettings(**values, references={name: price for name, price in prices.items() if price})


def check_costs(
    costs: CostSettings, nodes: Mapping[int, NodeEntry], models: list[ModelEntry], mistakes: Mistakes
) -> None:
    """Note what is wrong between keys that are each right."""
    if costs.currency != "USD" and costs.usd_per_currency is None:
        mistakes.add(
            ("costs", "currency"),
            f'is "{costs.currency}" without usd_per_currency, expected what one {costs.currency} is in US'
            " dollars, for example usd_per_currency = 1.16",
        )
    if costs.currency == "USD" and costs.usd_per_currency not in {None, 1.0}:
        mistakes.add(
            ("costs", "usd_per_currency"),
            f"is {costs.usd_per_currency:g} while currency is USD, expected to be left out",
        )
    if costs.idle_watts > costs.nameplate_watts:
        mistakes.add(
            ("costs", "idle_watts"),
            f"is {costs.idle_watts:g}, expected at most nameplate_watts, which is {costs.nameplate_watts:g}",
        )
    for index, node in nodes.items():
        idle = costs.idle_watts if node.idle_watts is None else node.idle_watts
        most = costs.nameplate_watts if node.nameplate_watts is None else node.nameplate_watts
        own = "idle_watts" if node.idle_watts is not None else "nameplate_watts"
        if idle > most and (node.idle_watts, node.nameplate_watts) != (None, None):
            mistakes.add(
                ("nodes", index, own),
                f"makes idle_watts {idle:g} and nameplate_watts {most:g}, expected the first to be less",
            )
    known = list(costs.references)
    for model in models:
        if model.reference is not None and model.reference not in known:
            hint = nearest(model.reference, known) or (
                f", expected {any_of(known)}" if known else ", expected a table headed [costs.reference.NAME]"
            )
            mistakes.add(
                ("models", model.name, REFERENCE), f"{shown(model.reference)} is no reference price{hint}"
            )


def _reference(name: str, table: Any, mistakes: Mistakes) -> ReferencePrice | None:
    path = ("costs", REFERENCE, name)
    before = len(mistakes.found)
    if not isinstance(table, dict):
        mistakes.add(path, f"is {shown(table)}, expected a table headed [costs.reference.NAME]")
        return None
    if not MODEL_NAME.fullmatch(name):
        mistakes.add(path, f"{shown(name)} is no name, expected 1 to 64 of A-Z, a-z, 0-9, ., _ and -")
    values = read_keys(table, REFERENCE_KEYS, path, f"[costs.reference.{name}]", mistakes)
    if len(mistakes.found) > before:
        return None
    if values["cached_usd_per_million"] is None:
        values["cached_usd_per_million"] = values["prompt_usd_per_million"]
    return ReferencePrice(name=name, **values)
