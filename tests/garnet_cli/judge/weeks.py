"""Weeks of telemetry as totals: one by hand, and random ones."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from garnet_cli.fleet.inventory import CostSettings, ReferencePrice
from garnet_cli.judge.costs import CostBasis
from garnet_cli.store.totals import Bucket, KeyTotals, ModelTotals, NodeTotals, PowerTotals, Totals
from node_scripts.histogram import Histogram

WEEK_S = 7 * 86_400
BEGIN = 1_763_337_600
"""Monday 2025-11-17, 00:00 UTC."""

REFERENCE = ReferencePrice(
    name="big",
    prompt_usd_per_million=2.0,
    cached_usd_per_million=0.5,
    completion_usd_per_million=8.0,
    date=date(2026, 11, 1),
    source="https://example.com/prices",
)


def histogram(*values: float) -> Histogram:
    """Return a histogram of ``values``."""
    made = Histogram()
    for value in values:
        made.add(value)
    return made


def model(node: str, name: str, **figures: object) -> ModelTotals:
    """Return a model's row of a week on one node; what its loaders served is what its clients asked."""
    made = {
        "requests": 1000,
        "answered": 1000,
        "prompt_tokens": 1_000_000,
        "cached_tokens": 400_000,
        "completion_tokens": 500_000,
        "loader_minutes": 10_080,
        "loader_observed_s": float(WEEK_S),
        "loader_busy_s": 0.25 * WEEK_S,
        "latency_ms": histogram(1000.0),
        "first_token_ms": histogram(300.0),
        "queue_ms": histogram(100.0),
    } | figures
    for each in ("requests", "prompt_tokens", "cached_tokens", "completion_tokens"):
        made.setdefault(f"loader_{each}", made[each])
    return ModelTotals(begin_unix=BEGIN, node=node, model=name, **made)  # type: ignore[arg-type]


def node(
    name: str, *, busy_share: float | None = 0.25, watts: float | None = 30.0, **figures: object
) -> NodeTotals:
    """Return a node's row of a whole week, metered where ``watts`` is given."""
    made: dict[str, object] = {
        "minutes_expected": 10_080,
        "minutes_present": 10_080,
        "covered_s": float(WEEK_S),
    }
    if busy_share is not None:
        made |= {"thermal_observed_s": float(WEEK_S), "packed_s": busy_share * WEEK_S}
    if watts is not None:
        made["power"] = {
            "shelly": PowerTotals(joules=watts * WEEK_S, seconds=float(WEEK_S), watts_max=2 * watts)
        }
    return NodeTotals(begin_unix=BEGIN, node=name, **(made | figures))  # type: ignore[arg-type]


def week(
    models: list[ModelTotals],
    nodes: list[NodeTotals],
    keys: list[KeyTotals] | None = None,
    seconds: int = WEEK_S,
) -> Totals:
    """Return a week."""
    return Totals(
        fleet="office",
        begin_unix=BEGIN,
        end_unix=BEGIN + seconds,
        bucket="window",
        timezone="UTC",
        buckets=(Bucket(begin_unix=BEGIN, end_unix=BEGIN + seconds, label="W47"),),
        models=tuple(models),
        nodes=tuple(nodes),
        keys=tuple(keys or ()),
    )


def basis(**prices: float | None) -> CostBasis:
    """Return what an inventory says whose models ``a`` and ``b`` have a reference."""
    return CostBasis(
        settings=CostSettings(
            tariff_per_kwh=0.25, residual_pct=10, overhead_usd_per_month=100, overhead_pct=5
        ),
        prices_usd=prices,
        references={"a": REFERENCE, "b": REFERENCE},
    )


COUNTS = st.integers(0, 10**9)
SECONDS = st.floats(0, WEEK_S)
NODES = ("n1", "n2", "n3", "n4")
MODELS = ("a", "b", "c", "")
SOURCES = ("shelly", "apc", "macmon:sys_power", "rapl")


@st.composite
def model_rows(draw: st.DrawFn, node_name: str, name: str) -> ModelTotals:
    """Return any model's row, also an absurd one."""
    latency = draw(st.floats(0, 1e6))
    return ModelTotals(
        begin_unix=BEGIN,
        node=node_name,
        model=name,
        requests=draw(COUNTS),
        prompt_tokens=(prompt := draw(COUNTS)),
        cached_tokens=draw(st.integers(0, prompt) | COUNTS),
        completion_tokens=draw(COUNTS),
        loader_minutes=draw(st.integers(0, 10_080)),
        loader_prompt_tokens=(served := draw(COUNTS)),
        loader_cached_tokens=draw(st.integers(0, served) | COUNTS),
        loader_completion_tokens=draw(COUNTS),
        loader_busy_s=draw(st.none() | SECONDS),
        loader_observed_s=draw(SECONDS),
        latency_ms=histogram(latency),
        first_token_ms=histogram(*draw(st.lists(st.floats(0, latency), max_size=1))),
    )


@st.composite
def node_rows(draw: st.DrawFn, name: str) -> NodeTotals:
    """Return any node's row."""
    covered_s = draw(SECONDS)
    observed_s = draw(st.floats(0, covered_s))
    power = {
        source: PowerTotals(joules=draw(st.floats(0, 1e8)), seconds=draw(st.floats(0, covered_s)))
        for source in draw(st.lists(st.sampled_from(SOURCES), unique=True, max_size=2))
    }
    return NodeTotals(
        begin_unix=BEGIN,
        node=name,
        minutes_expected=10_080,
        minutes_present=int(covered_s // 60),
        covered_s=covered_s,
        thermal_observed_s=observed_s,
        packed_s=draw(st.floats(0, observed_s)),
        power=power,
    )


@st.composite
def weeks(draw: st.DrawFn) -> Totals:
    """Return a random week: any nodes, models on any of them, keys that may not add up."""
    names = draw(st.lists(st.sampled_from(NODES), unique=True))
    placed = draw(
        st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(MODELS)), unique=True, max_size=8)
    )
    keys = [
        KeyTotals(
            begin_unix=BEGIN,
            node=draw(st.sampled_from(NODES)),
            key=name,
            requests=draw(COUNTS),
            prompt_tokens=draw(COUNTS),
            cached_tokens=draw(COUNTS),
            completion_tokens=draw(COUNTS),
        )
        for name in draw(st.lists(st.sampled_from(("app", "bot", "cron")), unique=True))
    ]
    return week(
        [draw(model_rows(where, name)) for where, name in sorted(placed)],
        [draw(node_rows(name)) for name in sorted(names)],
        keys,
        draw(st.sampled_from((WEEK_S, WEEK_S - 3600, WEEK_S + 3600, 3600))),
    )


BASES = st.builds(
    CostBasis,
    settings=st.builds(
        CostSettings,
        life_months=st.integers(1, 120),
        residual_pct=st.floats(0, 100),
        tariff_per_kwh=st.floats(0, 2),
        overhead_usd_per_month=st.floats(0, 10_000),
        overhead_pct=st.floats(0, 200),
        idle_watts=st.floats(0, 20),
        nameplate_watts=st.floats(20, 500),
        token_floor=st.integers(1, 10**7),
        currency=st.just("USD"),
        usd_per_currency=st.none(),
        references=st.just({}),
    ),
    prices_usd=st.dictionaries(st.sampled_from((*NODES, "n5")), st.none() | st.floats(0, 20_000)),
    references=st.just({"a": REFERENCE}),
)
