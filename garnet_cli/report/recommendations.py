"""What to do, the most urgent first, and what the reader is asked to decide."""

from __future__ import annotations

from garnet_cli.judge.placement_diff import PlacementDiff
from garnet_cli.report.capacity import HOURS_A_MONTH
from garnet_cli.report.contents import Completeness, Decision
from garnet_cli.report.figures_thermal import MOST_CELSIUS
from garnet_cli.report.figures_uptime import UPTIME_TARGET_PCT
from garnet_cli.report.gathered import Gathered
from garnet_cli.report.quarter import add_capacity
from garnet_cli.report.sections import (
    Capacity,
    Costs,
    Distribution,
    Evictions,
    Recommendation,
    Thermal,
    UptimeSection,
    Volume,
)
from garnet_cli.report.targets import COMPLETE_PCT, SWAP_WINDOW_S
from garnet_cli.report.wording import Wording

WEEKLY = "garnet weekly --apply"
MOST_OF_A_KIND = 4
"""More lines of one kind than this are told together."""


def recommendations(
    data: Gathered,
    diff: PlacementDiff | None,
    sections: tuple[Volume, Thermal, Evictions, Distribution, Costs, UptimeSection, Capacity, Completeness],
    words: Wording,
) -> tuple[Recommendation, ...]:
    """Return the recommendations, the most urgent first."""
    volume, thermal, evictions, distribution, costs, uptime, capacity, completeness = sections
    return (
        *_uptime(uptime, words),
        *_thermal(thermal, words),
        *_capacity(data, capacity, words),
        *_placement(diff, distribution, words),
        *_evictions(evictions, words),
        *_retire(volume, costs, distribution, words),
        *_costs(costs, words),
        *_data(completeness, words),
    )


def _uptime(uptime: UptimeSection, words: Wording) -> list[Recommendation]:
    found = []
    share = uptime.serving.uptime_pct
    if share is not None and share < UPTIME_TARGET_PCT:
        worst = max(uptime.nodes, key=lambda node: node.down_s)
        found.append(
            _one(
                "uptime",
                words.say("recommend.uptime", node=worst.node),
                words.say(
                    "recommend.uptime_why",
                    share=words.pct(share),
                    node=worst.node,
                    down=words.seconds(worst.down_s),
                ),
                f"garnet logs {worst.node}",
            )
        )
    unnoted = [one for one in uptime.incidents if not one.cause]
    if unnoted:
        found.append(
            _one(
                "uptime",
                words.many("recommend.note", len(unnoted)),
                words.say("recommend.note_why"),
                f"garnet incidents note {unnoted[0].id} --cause … --fix …",
            )
        )
    if uptime.swap_window_max_s is not None and uptime.swap_window_max_s > SWAP_WINDOW_S:
        found.append(
            _one(
                "uptime",
                words.say("recommend.swap"),
                words.say("recommend.swap_why", window=words.seconds(uptime.swap_window_max_s)),
                "",
            )
        )
    return found


def _thermal(thermal: Thermal, words: Wording) -> list[Recommendation]:
    ambient = thermal.ambient
    if not ambient.adjust_celsius:
        return []
    degrees = words.number(-ambient.adjust_celsius)
    key = "recommend.cool_and_look" if ambient.adjust_celsius <= -MOST_CELSIUS else "recommend.cool"
    return [_one("thermal", words.say(key, degrees=degrees, node=ambient.node), ambient.why, "")]


def _capacity(data: Gathered, capacity: Capacity, words: Wording) -> list[Recommendation]:
    add, why = add_capacity(capacity, data.span.after, words)
    if not add:
        return []
    return [_one("capacity", words.say("recommend.add_node"), why, "")]


def _placement(
    diff: PlacementDiff | None, distribution: Distribution, words: Wording
) -> list[Recommendation]:
    if diff is None:
        return []
    moves = list(diff.moves)
    found = [_one("placement", _capital(one.text), one.reason, WEEKLY) for one in moves[:MOST_OF_A_KIND]]
    if len(moves) > MOST_OF_A_KIND:
        found.append(
            _one(
                "placement",
                words.many("recommend.more_moves", len(moves) - MOST_OF_A_KIND),
                words.say("recommend.more_moves_why"),
                WEEKLY,
            )
        )
    found += [
        _one("cache", _capital(one.text), one.reason, WEEKLY) for one in diff.cache_changes[:MOST_OF_A_KIND]
    ]
    found += [
        _one("placement", words.say("recommend.unmet"), one, "") for one in diff.unmet[:1] if not diff.moves
    ]
    absent = [one for one in distribution.placed if one.wanted and not one.seen]
    if absent:
        named = words.names([f"{one.model} ({one.node})" for one in absent])
        found.append(
            _one(
                "placement",
                words.say("recommend.absent", pairs=named),
                words.say("recommend.absent_why"),
                "garnet up --dry-run",
            )
        )
    return found


def _evictions(evictions: Evictions, words: Wording) -> list[Recommendation]:
    unjustified = [line for line in evictions.lines if line.justified is False]
    if not unjustified:
        return []
    line = unjustified[0]
    return [
        _one(
            "cache" if line.what == "cache" else "placement",
            words.say(f"recommend.evicted_{line.what}", model=line.model, node=line.node),
            line.why,
            "garnet weekly",
        )
    ]


def _retire(volume: Volume, costs: Costs, distribution: Distribution, words: Wording) -> list[Recommendation]:
    if not volume.requests:
        return []
    placed = {one.model for one in distribution.placed if one.wanted}
    unused = [one.model for one in volume.models if not one.requests and one.model in placed]
    found = []
    if unused:
        found.append(
            _one(
                "retire",
                words.say("recommend.retire", models=words.names(unused)),
                words.many("recommend.retire_why", len(unused)),
                "",
            )
        )
    used = [one for one in costs.models if one.savings_usd is not None and one.savings_usd < 0 and one.tokens]
    used.sort(key=lambda one: (one.savings_usd or 0.0, one.model))
    found += [
        _one(
            "cost",
            words.say("recommend.dear", model=one.model),
            words.say(
                "recommend.dear_why",
                usd=words.usd(-(one.savings_usd or 0.0)),
                reference=one.reference,
                date=one.reference_date,
            ),
            "",
        )
        for one in used[:MOST_OF_A_KIND]
    ]
    return found


def _costs(costs: Costs, words: Wording) -> list[Recommendation]:
    if costs.total_usd is None:
        return [_one("cost", words.say("recommend.prices"), words.say("recommend.prices_why"), "")]
    without = [one.model for one in costs.models if one.model and one.tokens and not one.reference]
    if not without:
        return []
    return [
        _one(
            "cost",
            words.say("recommend.references", models=words.names(without)),
            words.say("recommend.references_why"),
            "",
        )
    ]


def _data(completeness: Completeness, words: Wording) -> list[Recommendation]:
    share = completeness.complete_pct
    if share is None or share >= COMPLETE_PCT:
        return []
    thin = min(completeness.nodes, key=lambda node: (node.complete_pct or 0.0, node.node))
    return [
        _one(
            "data",
            words.say("recommend.data", node=thin.node),
            words.say(
                "recommend.data_why",
                share=words.pct(share),
                node=thin.node,
                its=words.pct(thin.complete_pct or 0.0),
            ),
            f"garnet check {thin.node}",
        )
    ]


def decisions(
    data: Gathered,
    costs: Costs,
    capacity: Capacity,
    found: tuple[Recommendation, ...],
    words: Wording,
) -> tuple[Decision, ...]:
    """Return what the reader is asked: to keep the rack, and what needs money, people or a window to act."""
    asked: list[Decision] = []
    if costs.savings_usd is not None and data.span.hours:
        monthly = _a_month(costs.savings_usd, data)
        ends = (costs.savings_usd_low or 0.0, costs.savings_usd_high or 0.0)
        if monthly < 0:
            ends = (-ends[1], -ends[0])
        key = "keep" if monthly >= 0 else "reconsider"
        asked.append(
            Decision(
                text=words.say(f"decide.{key}"),
                why=words.say(
                    f"decide.{key}_why",
                    usd=words.usd(abs(monthly)),
                    low=words.usd(_a_month(ends[0], data)),
                    high=words.usd(_a_month(ends[1], data)),
                ),
                worth_usd_per_month=monthly,
                command="",
            )
        )
    first_placement = True
    for one in found:
        if one.kind == "capacity":
            asked.append(
                _decision(one, None if capacity.node_usd_per_month is None else -capacity.node_usd_per_month)
            )
        elif one.kind in ("thermal", "retire"):
            asked.append(_decision(one, None))
        elif one.kind == "placement" and one.command == WEEKLY and first_placement:
            first_placement = False
            count = sum(
                1 for other in found if other.kind in ("placement", "cache") and other.command == WEEKLY
            )
            text = words.many("decide.rebalance", count)
            asked.append(Decision(text=text, why=one.why, worth_usd_per_month=None, command=WEEKLY))
    return tuple(asked)


def _a_month(period_usd: float, data: Gathered) -> float:
    return period_usd / data.span.hours * HOURS_A_MONTH


def _decision(one: Recommendation, worth: float | None) -> Decision:
    return Decision(text=one.text, why=one.why, worth_usd_per_month=worth, command=one.command)


def _one(kind: str, text: str, why: str, command: str) -> Recommendation:
    return Recommendation(kind=kind, text=text, why=why, command=command)  # type: ignore[arg-type]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
