"""The report in a few lines: for a message, a terminal and a step summary."""

from __future__ import annotations

from collections.abc import Callable

from garnet_cli.report.contents import KeyFigure, MonthReport
from garnet_cli.report.wording import Wording

MOST_DECISIONS = 3
UNITS = {"ms": "ms", "celsius": "°C", "kwh": "kWh", "times": "times"}


def message_text(report: MonthReport, words: Wording) -> tuple[str, str]:
    """Return title and text of the message that the report is sent with."""
    who = report.customer or report.fleet
    heading = words.say("message.heading", who=who, period=report.period.title)
    lines = [f"{one.label}: {shown(one, words)}" for one in report.key_figures]
    asked = [
        f"{number}. {one.text} {one.why}" for number, one in enumerate(report.decisions[:MOST_DECISIONS], 1)
    ]
    if asked:
        lines += ["", words.say("message.decisions"), *asked]
    if report.completeness.notes:
        lines += ["", *report.completeness.notes]
    return heading, "\n".join(lines)


def shown(figure: KeyFigure, words: Wording) -> str:
    """Return a key figure with its target and its status."""
    parts = [value(figure.unit, figure.actual, words)]
    if figure.target is not None and figure.target_is != "none":
        target = words.say(f"message.{figure.target_is}", target=value(figure.unit, figure.target, words))
        parts.append(f"({target}: {words.say(f'message.{figure.status}')})")
    return " ".join(parts)


def change(figure: KeyFigure, words: Wording) -> str | None:
    """Return how a key figure changed; ``None`` where that is unknown."""
    if figure.change is None:
        return None
    sign = "+" if figure.change >= 0 else ""
    key = "message.points" if figure.change_unit == "points" else "message.change"
    return words.say(key, change=f"{sign}{words.number(figure.change)}")


def value(unit: str, number: float | None, words: Wording) -> str:
    """Return a figure with its unit."""
    if number is None:
        return words.say("message.unknown_value")
    shapes: dict[str, Callable[[float], str]] = {
        "tokens": words.tokens,
        "requests": words.tokens,
        "count": words.tokens,
        "usd": words.usd,
        "usd_per_million_tokens": words.usd,
        "pct": words.pct,
        "s": words.seconds,
    }
    if unit in shapes:
        return shapes[unit](number)
    return f"{words.number(number)} {UNITS.get(unit, '')}".rstrip()
