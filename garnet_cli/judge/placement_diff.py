"""The best placement against today's, for people and for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

MoveKind = Literal["move", "add", "remove"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One model moved, brought to a further node, or taken from one."""

    model: str
    kind: MoveKind
    origin: str | None
    """The node that it leaves; ``None`` for ``add``."""
    target: str | None
    """The node that it is brought to; ``None`` for ``remove``."""
    reason: str
    """One sentence with figures, for a person to agree with or not."""
    rule: str
    """Part of the objective that decided: ``memory``, ``redundancy``, ``overload``, ``loss``, ``own_node``,
    ``throttle``, ``cache``."""
    points: float
    """By how much the objective would be worse without this line alone; ``inf`` where that would not fit."""

    @property
    def text(self) -> str:
        """Return what to do, as in ``move llama from mini-1 to mini-3``."""
        if self.kind == "move":
            return f"move {self.model} from {self.origin} to {self.target}"
        return (
            f"add {self.model} to {self.target}"
            if self.kind == "add"
            else f"take {self.model} off {self.origin}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheChange:
    """A model's prompt cache that should keep more."""

    model: str
    from_mib: int
    to_mib: int
    reason: str

    @property
    def cache_gb(self) -> float:
        """Return the new budget in GB (GiB, as ``memory_gb``), for the inventory."""
        return round(self.to_mib / 1024, 2)

    @property
    def text(self) -> str:
        """Return what to do."""
        return f"raise the prompt cache of {self.model} to {self.cache_gb:g} GB"


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeLoad:
    """One node today and after the change."""

    node: str
    models_today: tuple[str, ...]
    models: tuple[str, ...]
    busy_share_today: float
    """Expected in the busiest hours if nothing is changed; above 1.0 it cannot keep up."""
    busy_share: float
    busy_share_after_loss_today: float
    """The same with the worst other node lost."""
    busy_share_after_loss: float
    need_mib_today: int | None
    """``None``: the need of a model on it is unknown."""
    need_mib: int | None
    limit_mib: int | None
    throttle_share: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacementDiff:
    """The best placement found, what to do for it, and why."""

    moves: tuple[Move, ...] = ()
    cache_changes: tuple[CacheChange, ...] = ()
    unmet: tuple[str, ...] = ()
    """What stays short of the rules also in the best placement, each with why and what would help."""
    notes: tuple[str, ...] = ()
    """What the reader should know: data that is missing, models that were not moved for it."""
    placement: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every model's nodes, in the inventory's order."""
    nodes: tuple[NodeLoad, ...] = ()
    points_today: float = 0.0
    points: float = 0.0
    """The objective, in points (see PlacementRules): lower is better, never above ``points_today``."""
    parts_today: Mapping[str, float] = field(default_factory=dict)
    """The objective by part."""
    parts: Mapping[str, float] = field(default_factory=dict)
    method: Literal["exact", "bounded", "greedy"] = "exact"
    """exact: no better one exists; bounded: one may, by at most ``gap_points``; greedy: not known."""
    method_note: str = ""
    """Why it is not exact."""
    gap_points: float | None = 0.0
    """By how many points a better placement could at most be better; ``None`` if unknown."""

    @property
    def cache_gb(self) -> dict[str, float]:
        """Return the new prompt-cache budgets by model, for the inventory."""
        return {one.model: one.cache_gb for one in self.cache_changes}

    @property
    def changes(self) -> bool:
        """Say whether anything is to be done."""
        return bool(self.moves or self.cache_changes)

    def as_json(self) -> dict[str, Any]:
        """Return all of it for JSON; an infinite figure becomes ``None``."""
        moves = [
            asdict(move) | {"text": move.text, "points": None if move.points == float("inf") else move.points}
            for move in self.moves
        ]
        caches = [asdict(one) | {"text": one.text, "cache_gb": one.cache_gb} for one in self.cache_changes]
        return asdict(self) | {
            "moves": moves,
            "cache_changes": caches,
            "placement": {model: list(nodes) for model, nodes in self.placement.items()},
            "changes": self.changes,
        }
