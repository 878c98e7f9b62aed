"""Reports made up for tests of the document's form: any number of nodes, models, days, any names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from garnet_cli.report import contents as c
from tests.garnet_cli.report import made_outlook as outlook
from tests.garnet_cli.report import made_sections as sections
from tests.garnet_cli.report.made_trace import TRACE

MODELS = (
    "llama-3.3-70b",
    "qwen3-32b",
    "mistral-small-3.2-24b",
    "gemma-3-27b",
    "qwen2.5-coder-14b",
    "phi-4",
    "llama-3.2-3b",
    "deepseek-r1-distill-qwen-32b",
    "gpt-oss-20b",
    "granite-3.3-8b",
    "smollm2-1.7b",
    "olmo-2-13b",
)
OTHER_SCRIPTS = (
    "通义千问-32b",
    "日本語モデル-13b",
    "한국어-모델-8b",
    "نموذج-عربي-7b",
    "דגם-עברי-7b",
    "हिन्दी-मॉडल-7b",
    "โมเดลไทย-8b",
    "Ελληνικό-7b",
    "русская-модель-70b",
    "Tiếng-Việt-7b",
    "Łódź-ąęś-3b",
    "emoji-🦙-7b",
)
LONG = "mixture-of-experts-instruction-tuned-multilingual-super-long-context-2507-mlx-4bit-dwq"


def names(count: int, pool: Sequence[str] = MODELS) -> list[str]:
    """Return so many different model names."""
    return [
        pool[place] if place < len(pool) else f"{pool[place % len(pool)]}-v{place // len(pool) + 1}"
        for place in range(count)
    ]


def made(  # noqa: PLR0913 -- what a test may want otherwise
    *,
    nodes: int = 8,
    models: int = 12,
    days: int = 31,
    seed: int = 1,
    traffic: bool = True,
    known: float = 1.0,
    model_names: Sequence[str] | None = None,
    node_names: Sequence[str] | None = None,
    customer: str = "Meridian Analytics",
    incidents: int = 3,
    quarter: bool = False,
    history: bool = True,
    preview: bool = False,
) -> c.MonthReport:
    """Return a whole report; ``known`` is the share of days and nodes with data."""
    chance = Random(seed)
    model_list = list(model_names) if model_names is not None else names(models)
    node_list = (
        list(node_names) if node_names is not None else [f"mini-{place:02d}" for place in range(1, nodes + 1)]
    )
    first = date(2026, 10, 1)
    day_list = [(first + timedelta(days=place)).isoformat() for place in range(days)]
    day_known = [place < known * days for place in range(days)]
    node_known = [place < max(1, known * len(node_list)) for place in range(len(node_list))]
    period = c.Period(
        kind="quarter" if quarter else "month",
        name="2026-Q4" if quarter else "2026-10",
        title="Quarter 4 of 2026" if quarter else "October 2026",
        timezone="Europe/Berlin",
        begin_unix=1790805600,
        end_unix=1790805600 + days * 86400,
        hours=days * 24.0 + 1,
        days=tuple(day_list),
        preview=preview,
        before_name="2026-Q3" if quarter else "2026-09",
    )
    volume = sections.volume(chance, model_list, day_list, day_known, traffic=traffic)
    return c.MonthReport(
        garnet="0.7.0",
        language="en",
        fleet="berlin",
        customer=customer,
        period=period,
        as_of_unix=period.end_unix,
        key_figures=outlook.key_figures(volume, known, traffic=traffic),
        decisions=outlook.decisions(traffic=traffic),
        volume=volume,
        thermal=sections.thermal(chance, node_list, node_known, day_list, day_known, traffic=traffic),
        evictions=sections.evictions(model_list, node_list, traffic=traffic),
        distribution=sections.distribution(chance, model_list, node_list, traffic=traffic),
        costs=sections.costs(chance, model_list, node_list, traffic=traffic),
        uptime=sections.uptime(chance, model_list, node_list, node_known, incidents),
        recommendations=outlook.recommendations(traffic=traffic),
        scorecard=outlook.scorecard(history=history),
        capacity=outlook.capacity(chance, history=history, traffic=traffic),
        quarter=outlook.quarter(model_list) if quarter else None,
        completeness=outlook.completeness(node_list, node_known, day_list, day_known, known),
        method=tuple(
            c.MethodEntry(name=name, title=title, text=text * 2)
            for name, title, text in (
                ("tokens", "Tokens", "The sum over the period's minutes of what clients were answered. "),
                (
                    "cost",
                    "Fully loaded cost",
                    "Price less residual value over the hours of life, energy and overhead. ",
                ),
                ("uptime", "Uptime", "Seconds in which the node answered, of the seconds that are known. "),
                ("quantile", "Percentiles", "From exponential histograms at scale 5, within 1.1 %. "),
            )
        ),
        traces={"volume.tokens": TRACE},
    )
