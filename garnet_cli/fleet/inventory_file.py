"""Load an inventory file: bytes to a checked Inventory, or every mistake in one InventoryError."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from garnet_cli.errors import InventoryError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_mistakes import Mistakes
from garnet_cli.fleet.inventory_rules import check_rules
from garnet_cli.fleet.inventory_tables import read_tables
from garnet_cli.fleet.overrides import overridden
from garnet_cli.fleet.toml_lines import key_lines

MAX_BYTES = 1024 * 1024
"""Largest inventory read: 64 nodes need 20 KB; more is some other file."""


def load_inventory(path: Path, environ: Mapping[str, str] = os.environ) -> Inventory:
    """Read and check ``path``; the environment may name other files, see `overrides`.

    Raises InventoryError with every mistake and nothing else.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InventoryError([f"{path}: is a folder, expected an inventory file"])
        if not stat.S_ISREG(status.st_mode):
            raise InventoryError([f"{path}: is no regular file, expected an inventory file"])
        if status.st_size > MAX_BYTES:
            raise InventoryError(
                [f"{path}: is {status.st_size} bytes, expected an inventory of at most {MAX_BYTES}"]
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise InventoryError(
            [f"{path}: no such file; name one with --inventory, or write one with `garnet init`"]
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InventoryError([f"{path}: cannot be read: {reason}"]) from error
    return overridden(parse_inventory(content, path), environ)


def parse_inventory(content: bytes, path: Path) -> Inventory:
    """Check ``content`` as the inventory at ``path``, which relative paths start from.

    Looks for folder sources on this machine and at nothing else. Raises InventoryError.
    """
    text = _decoded(content, path)
    document = _parsed(text, path)
    mistakes = Mistakes(str(path), key_lines(text))
    tables = read_tables(document, path.absolute().parent, mistakes)
    check_rules(tables, mistakes)
    mistakes.raise_any()
    return tables.inventory(path)


def _decoded(content: bytes, path: Path) -> str:
    try:
        # A byte order mark is harmless; CRLF becomes LF as tomllib does it.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = " (it looks like UTF-16)" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else ""
        raise InventoryError(
            [f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8{hint}, expected UTF-8 text"]
        ) from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InventoryError([f"{path}: is nested too deeply, expected an inventory"]) from error
    except ValueError as error:
        message = re.sub(r" \(at .*\)$", "", str(error))
        where = re.search(r"at line (\d+)", str(error))
        if where:
            line = int(where.group(1))
        else:
            line = text.count("\n") + 1 if "end of document" in str(error) else 1
        message = message[:1].lower() + message[1:]
        raise InventoryError([f"{path}:{line}: not valid TOML: {message}"]) from error
