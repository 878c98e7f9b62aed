"""Write the inventory's reference from its key table: `docs/inventory.md` and `inventory.example.toml`.

python -m garnet_cli.fleet.inventory_reference docs > docs/inventory.md
python -m garnet_cli.fleet.inventory_reference example > inventory.example.toml
"""

from __future__ import annotations

import sys
import textwrap

from garnet_cli.fleet.inventory_keys import Key
from garnet_cli.fleet.inventory_schema import TABLE_DOCS, TABLES

WIDTH = 96

DOCS_HEAD = """\
# The inventory

One TOML file says what the fleet should be; `garnet up` brings the nodes to it. Every command reads
`inventory.toml` in the current folder, or the file that `--inventory` or `GARNET_INVENTORY` names.
`garnet init` writes a first one; `inventory.example.toml` is this page as a file.

Relative paths start from the inventory's folder, `~` is your home. Units are in the keys' names. An
unknown key is a mistake, and all mistakes are reported at once, each with its line:

```
inventory.toml:4: [fleet] stroe: is no key of [fleet]; did you mean "store"?
```

Beyond single keys, it is a mistake when two nodes have one name, one folder, or one address and port;
when a model names a node that is not there; when a folder source holds no `config.json`; when a node's
`root` is so long that unix sockets below it would not fit (103 bytes on macOS); when `[telemetry]` names an
S3 server and the store is none; when a warning would come after its alert, or raw minutes would outlive
compacted ones; when a model names a reference price that is not there; when a currency other than USD has no
`usd_per_currency`; and when `[deploy]` names a node that is not there.
"""

EXAMPLE_HEAD = """\
# An annotated inventory: every key with what it is, its unit and its default.
# Keys in comments are optional and show an example; docs/inventory.md is the same as a page.
# Relative paths start from this file's folder.
"""

EXAMPLE_TABLES = {
    "[fleet]": "[fleet]",
    "[[nodes]]": "[[nodes]]",
    "[models.NAME]": '[models."llama-3.2-3b"]',
    "[proxy]": "[proxy]",
    "[telemetry]": "[telemetry]",
    "[alerts]": "[alerts]",
    "[costs]": "[costs]",
    "[deploy]": "[deploy]",
    "[costs.reference.NAME]": '[costs.reference."gpt-4o-mini"]',
}

SECOND_NODE = """
# A second node needs only what differs from the defaults.
[[nodes]]
name = "mini-2"
host = "192.168.1.12"
root = "/Users/garnet/garnet"
"""


def markdown() -> str:
    """Return `docs/inventory.md`."""
    parts = [DOCS_HEAD]
    for header, keys in TABLES.items():
        rows = ["| key | what | default | example |", "|---|---|---|---|"]
        rows += [
            f"| `{key.name}` | {_cell(key.doc)} | {_cell(default_of(key))} | `{key.example}` |"
            for key in keys
        ]
        parts.append(f"\n## `{header}`\n\n{TABLE_DOCS[header]}\n\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def example() -> str:
    """Return `inventory.example.toml`: valid as it is, and with any optional key uncommented."""
    parts = [EXAMPLE_HEAD]
    for header, keys in TABLES.items():
        parts.append("\n" + _comment(TABLE_DOCS[header]) + EXAMPLE_TABLES[header] + "\n")
        for key in keys:
            said = "Required." if key.required else f"Default: {default_of(key)}."
            parts.append(_comment(f"{key.doc} {said}"))
            parts.append(f"{'' if key.required or key.shown else '# '}{key.name} = {key.example}\n")
        if header == "[[nodes]]":
            parts.append(SECOND_NODE)
    return "".join(parts)


def default_of(key: Key) -> str:
    """Return a key's default for people, or that it has none."""
    if key.required:
        return "required"
    if key.default_text:
        return key.default_text
    if isinstance(key.default, str):
        return f'"{key.default}"'
    return f"{key.default:g}" if isinstance(key.default, float) else str(key.default)


def _comment(text: str) -> str:
    lines = textwrap.wrap(text, WIDTH - 2, break_on_hyphens=False, break_long_words=False)
    return "".join(f"# {line}\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Print the page that the one argument names: ``docs`` or ``example``."""
    pages = {"docs": markdown, "example": example}
    if len(sys.argv) != 2 or sys.argv[1] not in pages:  # noqa: PLR2004 -- the program and its argument
        sys.exit("usage: python -m garnet_cli.fleet.inventory_reference docs|example")
    sys.stdout.write(pages[sys.argv[1]]())


if __name__ == "__main__":
    main()
