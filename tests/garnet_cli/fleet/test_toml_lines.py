"""The line scanner finds what tomllib parses, wherever it is written."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given

from garnet_cli.fleet.toml_lines import KeyPath, key_lines, line_of
from tests.garnet_cli.fleet.test_inventory import DOCUMENTS

TEXT = '''\
# [not] = "a table"
a.b = 1
"q\\u0041 x" = """line
[no]
k = 1
\\""" more"""
literal = \'\'\'
[no]\'\'\'
[fleet] # comment [x]
name = "x # no" # = 1
inline = { a = 1, b = [
  2, # ]
  { c = 3 },
] }
[[nodes]]
name = 'a'
when = 2020-01-01 00:00:00
[[nodes]]
  name = 'b'
[nodes.sub]
k = 1
[models."a.b"]
source = 1'''


def test_lines_of_every_way_to_write_a_key() -> None:
    """Dotted, quoted and inline keys, arrays of tables, multi-line texts and comments."""
    lines = key_lines(TEXT)
    expected: dict[KeyPath, int] = {
        ("a", "b"): 2,
        ("qA x",): 3,
        ("literal",): 7,
        ("fleet",): 9,
        ("fleet", "name"): 10,
        ("fleet", "inline", "b", 1, "c"): 13,
        ("nodes", 0): 15,
        ("nodes", 0, "when"): 17,
        ("nodes", 1, "name"): 19,
        ("nodes", 1, "sub", "k"): 21,
        ("models", "a.b", "source"): 23,
    }
    assert {path: lines.get(path) for path in expected} == expected


def test_line_of_a_missing_key_is_that_of_its_table() -> None:
    """What is not there is reported where it belongs."""
    lines = key_lines(TEXT)
    assert line_of(lines, ("nodes", 1, "host")) == 18
    assert line_of(lines, ("proxy", "listen")) == 1


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Return the path of every table, key and array item of a parsed document."""
    found: set[KeyPath] = {path}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found |= paths_of(inner, (*path, key))
    return found


@given(text=DOCUMENTS)
def test_every_key_that_tomllib_finds_has_a_line(text: str) -> None:
    """The scanner and tomllib agree on what keys there are."""
    try:
        document = tomllib.loads(text)
    except ValueError:
        return
    assert paths_of(document) - {()} <= set(key_lines(text))
