"""The language files: every sentence that the code says is there, and none too many."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from garnet_cli.errors import UsageError
from garnet_cli.report.traces import TRACES
from garnet_cli.report.wording import languages, wording

CODE = Path(__file__).parents[3] / "garnet_cli" / "report"
SAID = re.compile(
    r"""["']((?:keys|volume|thermal|evictions|distribution|costs|uptime|scorecard|capacity|quarter|"""
    r"""recommend|decide|completeness|numbers)\.[a-z_{}.0-9]+)["']"""
)


def said() -> set[str]:
    """Return the sentences that the code names; with {} where a part is put in."""
    return {
        re.sub(r"\{[^}]*\}", "{}", found)
        for text in (path.read_text(encoding="utf-8") for path in CODE.glob("*.py"))
        if "garnet_cli.report.wording import" in text
        for found in SAID.findall(text)
    }


def counted() -> set[str]:
    """Return the sentences that have a form for one and a form for many."""
    text = "".join(path.read_text(encoding="utf-8") for path in CODE.glob("*.py"))
    return set(re.findall(r"""\.many\(\s*["']([a-z_.]+)["']""", text))


def calls() -> Iterator[tuple[str, set[str]]]:
    """Yield each sentence that the code says under a plain name, with the figures that it puts in."""
    for path in CODE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr not in ("say", "many") or not isinstance(node.args[0], ast.Constant):
                continue
            given = {keyword.arg for keyword in node.keywords if keyword.arg}
            yield str(node.args[0].value), given | ({"count"} if node.func.attr == "many" else set())


def matches(name: str, pattern: str) -> bool:
    """Say whether a sentence is one that the code names."""
    return re.fullmatch(re.escape(pattern).replace(r"\{\}", "[a-z_]+"), name) is not None


def there(language: str) -> dict[str, str]:
    """Return a language's sentences."""
    return {
        f"{table}.{name}": text
        for table, entries in wording(language).templates.items()
        for name, text in entries.items()
        if isinstance(text, str)
    }


@pytest.mark.parametrize("language", languages())
def test_every_sentence_is_there(language: str) -> None:
    """A sentence that is missing would end a report on the first of the month."""
    names = there(language)
    missing = [pattern for pattern in said() if not any(matches(name, pattern) for name in names)]
    assert not missing


@pytest.mark.parametrize("language", languages())
def test_every_sentence_gets_its_figures(language: str) -> None:
    """What it has braces for, the code puts in."""
    names = there(language)
    found = list(calls())
    assert len(found) > 50
    for key, given in found:
        assert _fields(names[key]) <= given, key


@pytest.mark.parametrize("language", languages())
def test_every_count_has_its_singular(language: str) -> None:
    """Nobody reads of 1 incidents; the singular puts in nothing that the plural does not."""
    names = there(language)
    assert counted()
    for key in counted():
        assert _fields(names[f"{key}_one"]) <= _fields(names[key]), key


def _fields(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field}


@pytest.mark.parametrize("language", languages())
def test_languages_put_in_the_same_figures(language: str) -> None:
    """A translation may leave out none, nor name another."""
    english = there("en")
    for name, text in there(language).items():
        assert _fields(text) == _fields(english[name]), name


@pytest.mark.parametrize("language", languages())
def test_every_formula_has_its_method(language: str) -> None:
    """A trace names an entry of the method, and each entry is named."""
    formulas = {trace.formula for trace in TRACES.values()}
    assert formulas - set(wording(language).entries("method")) == set()


def test_numbers_by_size() -> None:
    """With as many digits as they are worth."""
    words = wording()
    assert [words.tokens(value) for value in (0, 999_499, 1.234e6, 9.996e8, 4.2e9)] == [
        "0",
        "999,499",
        "1.23 million",
        "1 billion",
        "4.2 billion",
    ]
    assert [words.pct(value) for value in (0, 3.14, 99.5, 99.996, 100)] == [
        "0 %",
        "3.1 %",
        "99.5 %",
        "99.996 %",
        "100 %",
    ]
    assert [words.usd(value) for value in (0.456, 1234.5, -12.3)] == [
        "$0.46",
        "$1,234",
        "\N{MINUS SIGN}$12.30",
    ]
    assert [words.seconds(value) for value in (0, 61, 7201, 200_000)] == [
        "0 s",
        "1 min 1 s",
        "2 h",
        "2 d 7 h",
    ]
    assert words.names(["a", "b", "c"], 2) == "a, b and 1 more"


def test_unknown_language_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="there are en"):
        wording("xx")
