"""Which line of a TOML file holds each key; `tomllib` parses but does not say.

The scanner is only run on text that `tomllib` has accepted, so it needs to find its way, not to judge.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

KeyPath = tuple[str | int, ...]
"""Keys, and indices of arrays: ``("nodes", 0, "port")``."""

SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'",
    re.DOTALL,
)
SCALAR = re.compile(r"[^,\]}\n#]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every table and key of ``text``, which must be valid TOML."""
    return _Scanner(text).scan()


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """Return the line of ``path``, else of the nearest thing around it, else 1."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.arrays: dict[KeyPath, int] = {}
        self.newlines = [match.start() for match in re.finditer("\n", text)]

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self.space()
        while self.at < len(self.text):
            line = self.line()
            if self.take("[["):
                table = self.walk((), self.key()[:-1], self.last_key)
                self.lines.setdefault(table, line)
                self.arrays[table] = self.arrays.get(table, 0) + 1
                table = (*table, self.arrays[table] - 1)
                self.lines[table] = line
                self.take("]]")
            elif self.take("["):
                table = self.walk((), self.key()[:-1], self.last_key)
                self.lines[table] = line
                self.take("]")
            else:
                self.pair(table)
            self.space()
        return self.lines

    def walk(self, path: KeyPath, parents: list[str], last: str) -> KeyPath:
        for part in parents:
            path = (*path, part)
            self.lines.setdefault(path, self.line())
            if path in self.arrays:
                path = (*path, self.arrays[path] - 1)
        return (*path, last)

    def pair(self, table: KeyPath) -> None:
        line = self.line()
        path = self.walk(table, self.key()[:-1], self.last_key)
        self.lines[path] = line
        self.take("=")
        self.space()
        self.value(path)

    def value(self, path: KeyPath) -> None:
        self.lines.setdefault(path, self.line())
        if self.take("["):
            index = 0
            while not self.take("]"):
                self.value((*path, index))
                self.space()
                self.take(",")
                index += 1
        elif self.take("{"):
            while not self.take("}"):
                self.pair(path)
                self.space()
                self.take(",")
        elif match := STRING.match(self.text, self.at) or SCALAR.match(self.text, self.at):
            self.at = match.end()
        else:
            raise ValueError(f"no value at offset {self.at}")

    def key(self) -> list[str]:
        parts = [self.key_part()]
        while self.take("."):
            parts.append(self.key_part())
        self.last_key = parts[-1]
        return parts

    def key_part(self) -> str:
        self.space()
        match = BARE_KEY.match(self.text, self.at)
        if match:
            part = match.group()
        else:
            match = STRING.match(self.text, self.at)
            if match is None:
                raise ValueError(f"no key at offset {self.at}")
            part = str(tomllib.loads(f"key = {match.group()}")["key"])
        self.at = match.end()
        self.space()
        return part

    def take(self, token: str) -> bool:
        self.space()
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def space(self) -> None:
        match = SPACE.match(self.text, self.at)
        if match:
            self.at = match.end()

    def line(self) -> int:
        self.space()
        return bisect_right(self.newlines, self.at - 1) + 1
