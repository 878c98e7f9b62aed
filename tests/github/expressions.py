"""GitHub's expressions, as far as the workflows here use them: ``${{ … }}`` and the text of ``if:``.

Grammar and coercions after GitHub's "Evaluate expressions in workflows and actions". What is not known here
raises ValueError: a workflow may not use what the tests would misread.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<operator>\|\||&&|[=!<>]=|[!<>().,\[\]*]))"
)
EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
WORDS = {"true": True, "false": False, "null": None}
PRECEDENCE = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4}

Functions = Mapping[str, Callable[..., Any]]


def filled(text: str, contexts: Mapping[str, Any], functions: Functions) -> str:
    """Return ``text`` with every ``${{ … }}`` replaced by its value."""
    return EMBEDDED.sub(lambda found: shown(evaluate(found[1], contexts, functions)), text)


def evaluate(expression: str, contexts: Mapping[str, Any], functions: Functions) -> Any:
    """Return the value of one expression; raises ValueError where it cannot be read."""
    reader = _Reader(tokens(expression), contexts, {**FUNCTIONS, **functions})
    value = reader.expression(0)
    if reader.left:
        raise ValueError(f"{expression!r}: {reader.left[0][1]!r} was not expected")
    return value


def tokens(expression: str) -> list[tuple[str, str]]:
    """Return ``(kind, text)`` of every token."""
    found, position, text = [], 0, expression.strip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"{expression!r}: cannot be read from {text[position:]!r} on")
        found.append((str(match.lastgroup), match[match.lastgroup or 0]))
        position = match.end()
    return found


class _Reader:
    """Evaluates while it reads: precedence climbing."""

    def __init__(
        self, left: list[tuple[str, str]], contexts: Mapping[str, Any], functions: Functions
    ) -> None:
        self.left = left
        self._contexts = contexts
        self._functions = functions

    def expression(self, lowest: int) -> Any:
        value = self._operand()
        while self.left and PRECEDENCE.get(self.left[0][1], 0) > lowest and self.left[0][0] == "operator":
            operator = self.left.pop(0)[1]
            right = self.expression(PRECEDENCE[operator])
            value = _applied(operator, value, right)
        return value

    def _operand(self) -> Any:
        if not self.left:
            raise ValueError("an expression ends too early")
        kind, text = self.left.pop(0)
        if text == "!":
            return not truth(self._operand())
        if text == "(":
            value = self.expression(0)
            self._take(")")
            return value
        return self._named(text) if kind == "name" else _constant(kind, text)

    def _named(self, name: str) -> Any:
        if name in WORDS:
            return WORDS[name]
        if self._next("("):
            return self._call(name)
        if name not in self._contexts:
            raise ValueError(f"no context {name!r}")
        return self._property(self._contexts[name])

    def _property(self, value: Any) -> Any:
        while self._next(".") or self._next("["):
            if self.left.pop(0)[1] == ".":
                key = self.left.pop(0)[1]
            else:
                key = shown(self.expression(0))
                self._take("]")
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def _call(self, name: str) -> Any:
        if name not in self._functions:
            raise ValueError(f"no function {name!r}")
        self._take("(")
        arguments = []
        while not self._next(")"):
            arguments.append(self.expression(0))
            if not self._next(")"):
                self._take(",")
        self._take(")")
        return self._functions[name](*arguments)

    def _next(self, text: str) -> bool:
        return bool(self.left) and self.left[0] == ("operator", text)

    def _take(self, text: str) -> None:
        if not self._next(text):
            raise ValueError(f"{text!r} was expected")
        self.left.pop(0)


def _constant(kind: str, text: str) -> float | str:
    match kind:
        case "number":
            return float(text)
        case "text":
            return text[1:-1].replace("''", "'")
    raise ValueError(f"{text!r} was not expected")


def _applied(operator: str, left: Any, right: Any) -> Any:
    match operator:
        case "||":
            return left if truth(left) else right
        case "&&":
            return right if truth(left) else left
        case "==":
            return _equal(left, right)
        case "!=":
            return not _equal(left, right)
    one, other = number(left), number(right)
    return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator]


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return left is right or number(left) == number(right)


def truth(value: Any) -> bool:
    """Say what ``if:`` makes of a value: false, 0, '' and null are false."""
    return value is not None and value is not False and value not in {"", 0.0}


def number(value: Any) -> float:
    """Return what a comparison of unlike types makes of a value."""
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def shown(value: Any) -> str:
    """Return a value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


FUNCTIONS: Functions = {
    "contains": lambda whole, part: shown(part).casefold() in shown(whole).casefold(),
    "startsWith": lambda whole, part: shown(whole).casefold().startswith(shown(part).casefold()),
    "format": lambda pattern, *values: re.sub(
        r"\{(\d+)\}", lambda found: shown(values[int(found[1])]), pattern
    ),
}
"""Those that need nothing but their arguments; the state's (``always`` and so on) come from the caller."""
