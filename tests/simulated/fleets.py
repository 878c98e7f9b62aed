"""Ready-made fleets: one that does well, and random ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date

from tests.simulated.spec import FleetSpec, Injected, InjectedKind, ModelSpec, NodeSpec

MONDAY = date(2026, 10, 5)


def quiet_fleet(
    *,
    begin: date = MONDAY,
    days: int = 14,
    nodes: int = 4,
    seed: int = 1,
    injected: tuple[Injected, ...] = (),
    timezone: str = "Europe/Berlin",
) -> FleetSpec:
    """Return a fleet of at least 2 nodes with two models on two nodes each, in which all is well."""
    names = [f"mini-{number + 1}" for number in range(nodes)]
    return FleetSpec(
        begin=begin,
        days=days,
        timezone=timezone,
        seed=seed,
        injected=injected,
        nodes=tuple(NodeSpec(name=name) for name in names),
        models=(
            ModelSpec(
                name="llama-3.3-70b",
                nodes=tuple(names[:2]),
                source="mlx-community/Llama-3.3-70B-Instruct-4bit",
                artifact="a" * 64,
                token_ms=60.0,
                requests_per_minute=3.0,
                prefill_ms_per_token=8.0,
                weight_bytes=40 * 1024**3,
            ),
            ModelSpec(
                name="qwen3-32b",
                nodes=tuple(names[-2:]),
                source="mlx-community/Qwen3-32B-4bit",
                artifact="b" * 64,
            ),
        ),
    )


def random_fleet(seed: int, *, days: int = 7, kinds: Sequence[InjectedKind] = ()) -> FleetSpec:
    """Return a fleet of 1 to 6 nodes and 1 to 4 models, of any load, power and placement.

    Each of ``kinds`` is injected for a while, anywhere.
    """
    dice = random.Random(seed)
    names = [f"mini-{number + 1}" for number in range(dice.randint(1, 6))]
    nodes = tuple(
        NodeSpec(
            name=name,
            power_source=dice.choice(["shelly", "macmon:sys_power", ""]),
            idle_watts=dice.uniform(8, 25),
            busy_watts=dice.uniform(40, 140),
        )
        for name in names
    )
    models = tuple(
        ModelSpec(
            name=f"model-{number + 1}",
            nodes=tuple(sorted(dice.sample(names, dice.randint(1, len(names))))),
            requests_per_minute=dice.choice([0.0, 0.1, 3.0, 20.0, 60.0]),
            prompt_tokens=dice.uniform(50, 8000),
            completion_tokens=dice.uniform(5, 900),
            hit_rate=dice.random(),
        )
        for number in range(dice.randint(1, 4))
    )
    injected = tuple(
        Injected(
            kind=kind,
            begin_day=dice.uniform(0, days / 2),
            end_day=dice.uniform(days / 2, days),
            node=dice.choice(["", *names]),
            model=dice.choice(["", *(model.name for model in models)]),
            strength=dice.random(),
        )
        for kind in kinds
    )
    return FleetSpec(
        begin=MONDAY,
        days=days,
        nodes=nodes,
        models=models,
        injected=injected,
        timezone=dice.choice(["UTC", "Europe/Berlin", "America/Los_Angeles"]),
        seed=seed,
    )
