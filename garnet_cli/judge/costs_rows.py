"""What one model, node or key cost in a window: plain data, see costs.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from garnet_cli.fleet.inventory import ReferencePrice

NO_MODEL = ""
"""The row of what no model can bear: nodes without a loader. Among keys: requests without one."""


def usd(micros: int) -> float:
    """Return US dollars."""
    return micros / 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The same tokens at an API's prices."""

    references: tuple[ReferencePrice, ...]
    """One for a model; for a fleet those of its models."""
    api_micros: int
    own_micros: int
    """What the same tokens cost here; for a fleet only that of models with a reference."""

    @property
    def savings_micros(self) -> int:
        """Return what was saved; below 0 the API would have been cheaper."""
        return self.api_micros - self.own_micros

    @property
    def savings_share(self) -> float | None:
        """Return the savings as a share of the API's price; ``None`` where that is 0."""
        return self.savings_micros / self.api_micros if self.api_micros else None

    @property
    def times_cheaper(self) -> float | None:
        """Return the API's price by ours; ``None`` where ours is 0."""
        return self.api_micros / self.own_micros if self.own_micros else None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "references": [
                {
                    "name": one.name,
                    "date": one.date.isoformat(),
                    "source": one.source,
                    "prompt_usd_per_million": one.prompt_usd_per_million,
                    "cached_usd_per_million": one.cached_usd_per_million,
                    "completion_usd_per_million": one.completion_usd_per_million,
                }
                for one in self.references
            ],
            "api_usd": usd(self.api_micros),
            "own_usd": usd(self.own_micros),
            "savings_usd": usd(self.savings_micros),
            "savings_share": self.savings_share,
            "times_cheaper": self.times_cheaper,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class CostRow:
    """What one model, node or key cost, or the fleet."""

    name: str
    """NO_MODEL: see there."""
    workload_micros: int = 0
    idle_micros: int = 0
    overhead_micros: int = 0
    uncached_micros: int = 0
    """Of the total, what prompt tokens cost that were not cached; the three kinds add up to the total,
    except in a row without tokens, where they are 0."""
    cached_micros: int = 0
    completion_micros: int = 0
    prompt_tokens: int = 0
    """With the cached ones."""
    cached_tokens: int = 0
    completion_tokens: int = 0
    requests: int = 0
    busy_s: float | None = None
    """Seconds of loaders, or of the node, with at least one request."""
    low_micros: int = 0
    """The total at its lowest, see ``Costs.doubts``."""
    high_micros: int = 0
    why_not: str = ""
    """Why there is no price per million, such as ``idle: …``; empty where there is one."""
    comparison: Comparison | None = None
    """With an API's price; ``None`` where the inventory names none."""

    @property
    def total_micros(self) -> int:
        """Return workload, idle and overhead together."""
        return self.workload_micros + self.idle_micros + self.overhead_micros

    @property
    def tokens(self) -> int:
        """Return prompt and completion tokens."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def uncached_tokens(self) -> int:
        """Return the prompt tokens that were computed."""
        return max(0, self.prompt_tokens - self.cached_tokens)

    @property
    def usd_per_million(self) -> float | None:
        """Return the fully loaded price of a million tokens; ``None``: see ``why_not``."""
        return self._price(self.total_micros, self.tokens)

    @property
    def busy_usd_per_million(self) -> float | None:
        """Return the price of a million tokens of workload only."""
        return self._price(self.workload_micros, self.tokens)

    @property
    def low_usd_per_million(self) -> float | None:
        """Return the fully loaded price at its lowest."""
        return self._price(self.low_micros, self.tokens)

    @property
    def high_usd_per_million(self) -> float | None:
        """Return the fully loaded price at its highest."""
        return self._price(self.high_micros, self.tokens)

    @property
    def uncached_usd_per_million(self) -> float | None:
        """Return the fully loaded price of a million prompt tokens that were not cached."""
        return self._price(self.uncached_micros, self.uncached_tokens)

    @property
    def cached_usd_per_million(self) -> float | None:
        """Return the fully loaded price of a million cached prompt tokens."""
        return self._price(self.cached_micros, self.cached_tokens)

    @property
    def completion_usd_per_million(self) -> float | None:
        """Return the fully loaded price of a million completion tokens."""
        return self._price(self.completion_micros, self.completion_tokens)

    def _price(self, micros: int, tokens: int) -> float | None:
        return None if self.why_not or not tokens else micros / tokens

    def as_json(self) -> dict[str, Any]:
        """Return plain data, money in US dollars with six digits."""
        return {
            "name": self.name,
            "total_usd": usd(self.total_micros),
            "workload_usd": usd(self.workload_micros),
            "idle_usd": usd(self.idle_micros),
            "overhead_usd": usd(self.overhead_micros),
            "low_usd": usd(self.low_micros),
            "high_usd": usd(self.high_micros),
            "uncached_usd": usd(self.uncached_micros),
            "cached_usd": usd(self.cached_micros),
            "completion_usd": usd(self.completion_micros),
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "completion_tokens": self.completion_tokens,
            "busy_s": self.busy_s,
            "usd_per_million": self.usd_per_million,
            "busy_usd_per_million": self.busy_usd_per_million,
            "low_usd_per_million": self.low_usd_per_million,
            "high_usd_per_million": self.high_usd_per_million,
            "uncached_usd_per_million": self.uncached_usd_per_million,
            "cached_usd_per_million": self.cached_usd_per_million,
            "completion_usd_per_million": self.completion_usd_per_million,
            "why_not": self.why_not,
            "comparison": self.comparison.as_json() if self.comparison else None,
        }
