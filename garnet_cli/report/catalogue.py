"""The catalogue of open models, and which newer one could take a served model's place."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from garnet_cli.errors import UsageError
from garnet_cli.report.size_class import parameters_billion
from node_scripts.decoding import convert

OWN = Path(__file__).with_name("catalogue.toml")
SMALLEST_RATIO = 0.5
LARGEST_RATIO = 1.15
"""A proposal has between half of the served model's parameters and a little more."""
BITS_OVER = 0.5
"""Scales and biases of quantised weights, per weight: 4 bits take 4.5."""
CACHE_SHARE = 0.3
"""Of the weights, for caches and the process: a rule of thumb until the artifact's own config is read."""
CODE = "code"


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueModel:
    """One model of the catalogue."""

    name: str
    repository: str
    parameters_billion: float
    bits: int
    kind: Literal["chat", "code"]
    released: date
    licence: str

    @property
    def need_bytes(self) -> int:
        """Return about how much memory a loader of it needs."""
        weights = self.parameters_billion * 1e9 * (self.bits + BITS_OVER) / 8
        return round(weights * (1 + CACHE_SHARE))


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """All of it."""

    date: date
    source: str
    models: tuple[CatalogueModel, ...]


def read_catalogue(path: Path | None = None) -> Catalogue:
    """Return the catalogue at ``path`` or our own. Raises UsageError for a file that is none."""
    import msgspec  # noqa: PLC0415 -- not for --help

    where = path or OWN
    try:
        return convert(tomllib.loads(where.read_text(encoding="utf-8")), Catalogue)
    except OSError as error:
        raise UsageError(f"{where}: {error.strerror}", remedy="name another catalogue") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise UsageError(f"{where}: {error}", remedy=f"write it as {OWN.name} of garnet is") from error


def newer_model(served: Sequence[str], catalogue: Catalogue, as_of: date) -> CatalogueModel | None:
    """Return the newest model that could take the place of the one that ``served`` names, or ``None``.

    ``served`` are a served name and its sources. What is served has to be in the catalogue itself, by its
    repository or by its name, for without its date nothing is known to be newer. The newer one does the
    same (chat or code), is no larger by more than a little, and was out by ``as_of``.
    """
    today = known_model(served, catalogue)
    if today is None:
        return None
    size = parameters_billion(today.name) or today.parameters_billion
    fitting = [
        one
        for one in catalogue.models
        if today.released < one.released <= as_of
        and one.kind == today.kind
        and SMALLEST_RATIO <= one.parameters_billion / size <= LARGEST_RATIO
    ]
    return max(fitting, key=lambda one: (one.released, one.parameters_billion, one.name), default=None)


def known_model(served: Sequence[str], catalogue: Catalogue) -> CatalogueModel | None:
    """Return the catalogue's model that is served: by its repository, else by the longest of its names."""
    repositories = {name.partition("@")[0].lower() for name in served}
    for one in catalogue.models:
        if one.repository.lower() in repositories:
            return one
    told = [_plain(name) for name in served]
    named = [one for one in catalogue.models if any(_plain(one.name) in name for name in told)]
    return max(named, key=lambda one: len(one.name), default=None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace("meta-", "").replace("-instruct", "")
