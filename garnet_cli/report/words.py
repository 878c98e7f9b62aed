"""The report's headings, labels and number formats, from one file a language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from garnet_cli.errors import UsageError

DEFAULT = "en"


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """One language's texts, by section and key."""

    language: str
    texts: Mapping[str, Any]

    def __call__(self, path: str, **parts: str) -> str:
        """Return a text such as ``volume.title``, braces filled in; raises KeyError for an unknown path."""
        section, key = path.split(".")
        text: str = self.texts[section][key]
        return text.format(**parts) if parts else text

    def entries(self, section: str, key: str) -> Any:
        """Return a list of the file: the months' names, the glossary."""
        return self.texts[section][key]


@cache
def words(language: str = DEFAULT) -> Words:
    """Read a language's file; raises UsageError if there is none."""
    folder = files("garnet_cli.report") / "language"
    file = folder / f"{language}.toml"
    if not language.replace("-", "").isalnum() or not file.is_file():
        there = ", ".join(
            sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if "_" not in entry.name)
        )
        raise UsageError(f"the report has no language {language!r}", remedy=f"choose one of: {there}")
    return Words(language=language, texts=tomllib.loads(file.read_text(encoding="utf-8")))
