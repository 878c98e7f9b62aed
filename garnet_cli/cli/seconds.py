"""Options that are a number of seconds."""

from __future__ import annotations

import math
from typing import Any

import typer


def of_seconds(help_text: str) -> Any:
    """Return an option for a finite number of seconds from 0 on: Typer alone lets nan through."""
    return typer.Option(min=0, callback=finite, help=help_text)


def finite(value: float | None) -> float | None:
    """Return ``value``, an absent one as well; raises BadParameter where it is no number or endless."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a number of seconds.")
    return value
