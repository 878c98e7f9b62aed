"""The language files: every text that is asked for is there, in every language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import garnet_cli.report
from garnet_cli.report.words import words

FOLDER = Path(garnet_cli.report.__file__).parent
ENGLISH = tomllib.loads((FOLDER / "language" / "en.toml").read_text())


def asked_for() -> Iterator[str]:
    """Asked for."""
    for path in sorted(FOLDER.glob("*.py")):
        yield from re.findall(r"""words\(\s*["']([a-z_]+\.[a-z_0-9]+)["']""", path.read_text())


def test_every_text_that_the_code_names_is_in_the_english_file() -> None:
    """Every text that the code names is in the english file."""
    named = set(asked_for())
    assert len(named) > 100
    assert [path for path in sorted(named) if path.split(".")[1] not in ENGLISH[path.split(".")[0]]] == []


def test_every_kind_of_recommendation_and_status_has_a_word() -> None:
    """Every kind of recommendation and status has a word."""
    for kind in ("placement", "capacity", "retire", "thermal", "cost", "cache", "uptime", "data"):
        assert words("en")(f"recommendations.{kind}")
    for status in ("met", "missed", "unknown", "none"):
        assert words("en")(f"status.{status}")


def test_no_text_uses_typewriter_marks() -> None:
    """No text uses typewriter marks."""
    for section, texts in ENGLISH.items():
        for key, text in texts.items():
            if isinstance(text, str):
                assert '"' not in text, f"{section}.{key}"
                assert "..." not in text, f"{section}.{key}"


def test_a_translation_has_every_text_with_the_same_blanks() -> None:
    """Every language file has every text of the English one, with the same braces."""
    for path in (FOLDER / "language").glob("*.toml"):
        if "_" in path.stem:
            continue
        other = tomllib.loads(path.read_text())
        for section, texts in ENGLISH.items():
            for key, text in texts.items():
                blanks = set(re.findall(r"\{\w+\}", str(text)))
                assert set(re.findall(r"\{\w+\}", str(other[section][key]))) == blanks, f"{section}.{key}"
