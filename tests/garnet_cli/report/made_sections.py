"""Made-up sections of what was: volume, heat, evictions, distribution, cost, uptime."""

from __future__ import annotations

from random import Random

from garnet_cli.report import sections as s


def volume(
    chance: Random, models: list[str], days: list[str], known: list[bool], *, traffic: bool
) -> s.Volume:
    """Return that part of the report."""
    rows = []
    weights = [1 / (place + 1.2) for place in range(len(models))]
    for place, model in enumerate(models):
        requests = int(900_000 * weights[place]) if traffic else 0
        prompt, completion = requests * 1450, requests * 320
        rows.append(
            s.ModelVolume(
                model=model,
                requests=requests,
                answered=int(requests * 0.998),
                cancelled=int(requests * 0.001),
                errors=int(requests * 0.001),
                error_pct=0.1 if requests else None,
                prompt_tokens=prompt,
                cached_tokens=int(prompt * 0.42),
                completion_tokens=completion,
                tokens=prompt + completion,
                share_pct=100 * weights[place] / sum(weights) if requests else None,
                tokens_before=int((prompt + completion) * 0.9),
                change_pct=chance.uniform(-30, 60) if requests else None,
                latency_p50_ms=chance.uniform(800, 4000) if requests else None,
                latency_p95_ms=chance.uniform(3000, 14000) if requests else None,
                first_token_p95_ms=chance.uniform(60, 900) if requests else None,
                size_class="7-34B",
            )
        )
    total = sum(row.tokens for row in rows)
    day_rows = []
    for place, day in enumerate(days):
        share = (chance.uniform(0.8, 1.2) * (0.45 if place % 7 in {2, 3} else 1)) / max(1, len(days))
        prompt = int(sum(row.prompt_tokens for row in rows) * share) if known[place] else 0
        day_rows.append(
            s.DayVolume(
                day=day,
                requests=prompt // 1450,
                prompt_tokens=prompt,
                cached_tokens=int(prompt * 0.42),
                completion_tokens=int(prompt * 0.22),
                complete_pct=100.0 if known[place] else 0.0,
            )
        )
    requests = sum(row.requests for row in rows)
    return s.Volume(
        requests=requests,
        answered=requests,
        cancelled=0,
        errors=int(requests * 0.001),
        error_pct=0.1 if requests else None,
        prompt_tokens=sum(row.prompt_tokens for row in rows),
        cached_tokens=sum(row.cached_tokens for row in rows),
        completion_tokens=sum(row.completion_tokens for row in rows),
        tokens=total,
        tokens_before=int(total * 0.9) if traffic else None,
        change_pct=11.1 if traffic else None,
        unknown_model_requests=17 if traffic else 0,
        models=tuple(rows),
        days=tuple(day_rows),
        says="The fleet served 5.1 billion tokens in 3.1 million requests, 11 % more than in September; "
        "llama-3.3-70b has the largest share."
        if traffic
        else "No request was made in October 2026.",
    )


def thermal(
    chance: Random,
    nodes: list[str],
    node_known: list[bool],
    days: list[str],
    day_known: list[bool],
    *,
    traffic: bool,
) -> s.Thermal:
    """Return that part of the report."""
    rows = tuple(
        s.NodeThermal(
            node=node,
            peak_package_celsius=chance.uniform(70, 103) if known else None,
            peak_core_celsius=chance.uniform(75, 108) if known else None,
            source="powermetrics" if known else "",
            observed_hours=744.0 if known else 0.0,
            busy_hours=chance.uniform(100, 500) if known and traffic else 0.0,
            throttled_hours=chance.uniform(0, 4) if known and traffic else 0.0,
            throttle_pct=chance.uniform(0, 1.9) if known and traffic else None,
            throttle_events=chance.randrange(30) if known and traffic else None,
        )
        for node, known in zip(nodes, node_known, strict=True)
    )
    day_rows = tuple(
        s.DayThermal(
            day=day,
            throttle_pct=chance.uniform(0, 1.6) ** 2 if known and traffic else None,
            peak_package_celsius=90.0,
        )
        for day, known in zip(days, day_known, strict=True)
    )
    return s.Thermal(
        peak_package_celsius=103.2,
        peak_node=nodes[0],
        throttle_pct=0.42 if traffic else None,
        throttle_pct_before=0.54,
        throttle_events=41,
        nodes=rows,
        days=day_rows,
        ambient=s.Ambient(
            adjust_celsius=-3.0,
            node=nodes[0],
            says=f"Cool the room of {nodes[0]} by 3 °C: it throttled in "
            "the afternoons, when its intake was warmest.",
        ),
        says="The chips were throttled for 0.42 % of the inference time, below the target of 1 %."
        if traffic
        else "",
    )


def evictions(models: list[str], nodes: list[str], *, traffic: bool) -> s.Evictions:
    """Return that part of the report."""
    if not traffic:
        return s.Evictions(
            model_evictions=0,
            cache_evictions=0,
            cache_evicted_bytes=0,
            cache_evictions_before=None,
            lines=(),
            says="",
        )
    verdicts = (
        ("justified", True),
        ("placement bug", False),
        ("budget too small", False),
        ("undecided", None),
    )
    lines = tuple(
        s.EvictionLine(
            what="cache" if place % 2 else "model",
            model=models[place % len(models)],
            node=nodes[place % len(nodes)],
            count=4210 // (place + 1),
            evicted_bytes=None if place % 2 == 0 else 71 * 10**9 // (place + 1),
            verdict=verdicts[place % 4][0],
            justified=verdicts[place % 4][1],
            why="Asked for again on the same node within 24 hours of its eviction, three times.",
        )
        for place in range(min(8, len(models)))
    )
    return s.Evictions(
        model_evictions=9,
        cache_evictions=18_233,
        cache_evicted_bytes=412 * 10**9,
        cache_evictions_before=21_004,
        lines=lines,
        says="9 models and 18,233 cache entries were evicted; two of them look like placement bugs.",
    )


def distribution(chance: Random, models: list[str], nodes: list[str], *, traffic: bool) -> s.Distribution:
    """Return that part of the report."""
    placed = tuple(
        s.Placed(
            model=model,
            node=node,
            wanted=chance.random() < 0.93,
            seen=chance.random() < 0.92,
            requests=1000,
            busy_pct=chance.uniform(0, 1) ** 2 * 100 if traffic else 0.0,
            memory_bytes=20 * 2**30,
            cache_hit_pct=41.0,
        )
        for model in models
        for node in nodes
        if chance.random() < max(0.12, 2.2 / len(nodes))
    )
    return s.Distribution(
        nodes=tuple(
            s.NodeLoad(
                node=node,
                models=sum(pair.node == node for pair in placed),
                busy_pct=chance.uniform(5, 90) if traffic else 0.0,
                memory_pct=chance.uniform(40, 97),
                throttle_pct=chance.uniform(0, 2) if traffic else None,
            )
            for node in nodes
        ),
        models=tuple(models),
        placed=placed,
        rebalance=True if traffic else None,
        why=f"{nodes[-1]} is busy for 84 % of the time while {nodes[0]} is for 9 %; one move evens both out."
        if traffic
        else "There was no traffic to judge by.",
        moves=(
            s.Move(
                action="add", model=models[0], node=nodes[0], reason="It has 48 GiB free and the lowest load."
            ),
            s.Move(
                action="remove",
                model=models[-1],
                node=nodes[-1],
                reason="It served 12 requests there in 31 days.",
            ),
        )
        if traffic
        else (),
        solver="Found by integer programming (HiGHS), proven best." if traffic else "",
        says=f"{len(models)} models in {len(placed)} places on {len(nodes)} nodes.",
    )


def costs(chance: Random, models: list[str], nodes: list[str], *, traffic: bool) -> s.Costs:
    """Return that part of the report."""
    rows = []
    for place, model in enumerate(models):
        here = chance.uniform(0.05, 0.9)
        api = None if place % 5 == 4 else here * chance.uniform(0.8, 14)
        tokens = 10**9 // (place + 1) if traffic else 0
        usd = here * tokens / 1e6 if traffic else 0.0
        rows.append(
            s.ModelCost(
                model=model,
                tokens=tokens,
                usd=usd,
                usd_per_million=here if traffic else None,
                usd_per_million_low=here * 0.8 if traffic else None,
                usd_per_million_high=here * 1.3 if traffic else None,
                busy_usd_per_million=here * 0.4 if traffic else None,
                reference="" if api is None else "Llama 3.3 70B Instruct",
                reference_date="2026-09-30",
                reference_source="openrouter.ai",
                api_usd=None if api is None else api * tokens / 1e6,
                api_usd_per_million=api if traffic else None,
                savings_usd=None if api is None else (api - here) * tokens / 1e6,
                savings_pct=None if api is None else 100 * (1 - here / api),
                why_not="no comparable API model" if api is None else "",
            )
        )
    total = 1601.22
    return s.Costs(
        total_usd=total,
        total_usd_before=1588.1,
        workload_usd=612.4,
        idle_usd=742.6,
        overhead_usd=246.22,
        hardware_usd=1122.0,
        energy_usd=233.0,
        kwh=812.4,
        usd_per_million=0.1424 if traffic else None,
        usd_per_million_low=0.121 if traffic else None,
        usd_per_million_high=0.171 if traffic else None,
        usd_per_million_before=0.152,
        compared_tokens=4 * 10**9 if traffic else 0,
        compared_usd=1322.4 if traffic else None,
        api_usd=9734.0 if traffic else None,
        savings_usd=8411.6 if traffic else None,
        savings_usd_low=6120.0 if traffic else None,
        savings_usd_high=10_233.0 if traffic else None,
        savings_pct=86.4 if traffic else None,
        times_under_api=7.4 if traffic else None,
        models=tuple(rows),
        nodes=tuple(
            s.NodeCost(
                node=node,
                hardware_usd=140.25,
                energy_usd=chance.uniform(20, 40),
                overhead_usd=30.78,
                total_usd=200.1,
                kwh=chance.uniform(60, 130),
                energy_source="meter" if place % 3 else "estimate",
            )
            for place, node in enumerate(nodes)
        ),
        range_says="The range follows from the residual value (10-30 %), the life (3-5 years) and the power.",
        says="A million tokens cost $0.142, fully loaded: 86 % less than the same tokens from an API."
        if traffic
        else "",
    )


def uptime(
    chance: Random, models: list[str], nodes: list[str], known: list[bool], incidents: int
) -> s.UptimeSection:
    """Return that part of the report."""

    def node_row(name: str, pct: float | None) -> s.NodeUptime:
        return s.NodeUptime(
            node=name,
            uptime_pct=pct,
            up_s=2_678_000.0,
            down_s=482.0,
            unknown_s=0.0 if pct else 2_678_400.0,
            cut_off_s=31.0,
        )

    return s.UptimeSection(
        serving=node_row("", 99.982),
        fleet=node_row("", 99.91),
        serving_pct_before=99.97,
        nodes=tuple(
            node_row(node, 100 - chance.uniform(0, 0.3) if there else None)
            for node, there in zip(nodes, known, strict=True)
        ),
        incidents=tuple(
            s.IncidentLine(
                id=f"i{place}",
                node=nodes[place % len(nodes)],
                severity="critical" if place % 2 else "warning",
                begin_unix=1790900000.0,
                begin_local=f"2026-10-{place % 28 + 1:02d} 14:05",
                lasted_s=None if place == 2 else 742.0,
                rules=("node_down", "restart"),
                models=(models[0],) if place % 2 else (),
                cause=""
                if place == 2
                else "The switch in rack 2 lost power when its second supply failed. " * (1 + place % 2),
                fix="" if place == 2 else "Supply replaced; both feeds are now monitored.",
            )
            for place in range(incidents)
        ),
        restarts=4,
        swaps=14,
        failed_swaps=0,
        deploys=2,
        swap_window_max_s=96.0,
        says="Clients were served for 99.982 % of the time.",
    )
