"""A placement is written into an inventory, and nothing else is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from garnet_cli.errors import GarnetError, InventoryError, UsageError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_edit import edited_inventory, write_edit
from garnet_cli.fleet.inventory_file import load_inventory

TEXT = """\
# Our fleet.
[fleet]
name = "office"   # the one and only

[[nodes]]
name = "mini-1"
transport = "local"
root = "/srv/1"

[[nodes]]
name = "mini-2"   # runs hot
transport = "local"
root = "/srv/2"
listen = "0.0.0.0:8082"

[[nodes]]
name = "mini-3"
transport = "local"
root = "/srv/3"
listen = "0.0.0.0:8083"

[models.a]
source = "./model"
nodes = ["mini-1", "mini-2"]  # both
# As long as our longest document.
context = 4096

[proxy]
queue_limit = 32

[models."b-1.5"]
source = "./model"
nodes = [
  "mini-1",  # close to the door
  "mini-2",
]

[models.c]
source = "./model"
nodes = "all"  # everywhere
"""

NODES = """
[[nodes]]
name = "mini-1"
transport = "local"
root = "/srv/1"
[[nodes]]
name = "mini-2"
transport = "local"
root = "/srv/2"
listen = "0.0.0.0:8082\""""
INLINE = """\
fleet = {name = "x"}
models = {a = {source = "./model", nodes = ["mini-1"]}}
"""
DOTTED = """\
fleet.name = "x"
models.a.source = "./model"
models.a.nodes = ["mini-1"]
"""
OUT_OF_ORDER = """\
[models]
[models.a]
source = "./model"
nodes = ["mini-1"] # the first

[fleet]
name = "x"
[models.b]
source = "./model"
nodes = "all"
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Return the inventory above."""
    return written(tmp_path, TEXT.encode())


def written(folder: Path, content: bytes) -> Inventory:
    """Return the inventory of a file beside a model's folder."""
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "config.json").write_text("{}")
    path = folder / "inventory.toml"
    path.write_bytes(content)
    return load_inventory(path)


def test_only_the_models_nodes_change(inventory: Inventory) -> None:
    """Comments, blanks and the order of tables stay; so does the order of nodes that stay."""
    edit = edited_inventory(inventory, {"a": ("mini-3", "mini-2")})
    expected = TEXT.replace('nodes = ["mini-1", "mini-2"]  # both', 'nodes = ["mini-2", "mini-3"]  # both')
    assert edit.after.decode() == expected
    write_edit(edit)
    assert load_inventory(inventory.path).model("a").nodes == ("mini-2", "mini-3")


def test_a_list_over_lines_keeps_its_lines_and_all_is_spelled_out(inventory: Inventory) -> None:
    """The comment of a node that stays stays with it."""
    edit = edited_inventory(inventory, {"b-1.5": ("mini-1", "mini-3"), "c": ("mini-3", "mini-1")})
    after = edit.after.decode()
    assert 'nodes = [\n  "mini-1",  # close to the door\n  "mini-3",\n]' in after
    assert 'nodes = ["mini-1", "mini-3"]  # everywhere' in after.replace("] #", "]  #")


def test_the_diff_is_what_an_operator_reads(inventory: Inventory) -> None:
    """Unified, with the file's name."""
    diff = edited_inventory(inventory, {"a": ("mini-3", "mini-2")}).diff
    lines = diff.splitlines()
    assert lines[0] == f"--- {inventory.path}"
    assert '-nodes = ["mini-1", "mini-2"]  # both' in lines
    assert '+nodes = ["mini-2", "mini-3"]  # both' in lines
    assert sum(line.startswith(("+", "-")) for line in lines) == 4


def test_the_same_nodes_in_another_order_change_nothing(inventory: Inventory) -> None:
    """Safe to run twice; the file is not even touched."""
    edit = edited_inventory(inventory, {"a": ("mini-2", "mini-1"), "c": ("mini-3", "mini-2", "mini-1")})
    assert (edit.changes, edit.diff) == (False, "")
    stamp = inventory.path.stat().st_mtime_ns
    write_edit(edit)
    assert inventory.path.stat().st_mtime_ns == stamp
    first = edited_inventory(inventory, {"a": ("mini-3",)})
    write_edit(first)
    assert not edited_inventory(load_inventory(inventory.path), {"a": ("mini-3",)}).changes


def test_a_cache_is_added_and_then_changed(inventory: Inventory) -> None:
    """In its model's table."""
    write_edit(edited_inventory(inventory, {}, {"a": 4.0}))
    again = load_inventory(inventory.path)
    assert (again.model("a").cache_gb, again.model("a").cache_bytes) == (4.0, 4 * 1024**3)
    assert again.model("c").cache_gb is None
    write_edit(edited_inventory(again, {"a": ("mini-1",)}, {"a": 8.0}))
    text = inventory.path.read_text()
    assert text.count("cache_gb") == 1
    assert load_inventory(inventory.path).model("a").cache_gb == 8.0
    assert "# As long as our longest document." in text


@pytest.mark.parametrize("text", [INLINE, DOTTED, OUT_OF_ORDER])
def test_every_way_to_write_toml_is_understood(tmp_path: Path, text: str) -> None:
    """Inline tables, dotted keys, tables out of order; no newline at the end."""
    inventory = written(tmp_path, (text + NODES).encode())
    edit = edited_inventory(inventory, {"a": ("mini-2", "mini-1")}, {"a": 2.5})
    assert tomllib.loads(edit.after.decode())["models"]["a"]["nodes"] == ["mini-1", "mini-2"]
    write_edit(edit)
    assert load_inventory(inventory.path).model("a").cache_gb == 2.5


def test_line_ends_and_a_byte_order_mark_stay(tmp_path: Path) -> None:
    """As an editor on Windows wrote them."""
    content = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    edit = edited_inventory(written(tmp_path, content), {"a": ("mini-3",)})
    assert edit.after.startswith(b"\xef\xbb\xbf# Our fleet.\r\n")
    assert edit.after.count(b"\n") == edit.after.count(b"\r\n") == content.count(b"\n")


def test_a_file_that_changed_meanwhile_is_not_overwritten(inventory: Inventory) -> None:
    """Neither since the inventory was read nor since the edit was made."""
    edit = edited_inventory(inventory, {"a": ("mini-3",)})
    changed = TEXT.replace("queue_limit = 32", "queue_limit = 48")
    inventory.path.write_text(changed)
    with pytest.raises(UsageError, match="changed since it was read; run the command again"):
        write_edit(edit)
    with pytest.raises(UsageError, match="changed since it was read"):
        edited_inventory(inventory, {"a": ("mini-3",)})
    assert inventory.path.read_text() == changed
    inventory.path.unlink()
    with pytest.raises(InventoryError, match="cannot be read"):
        write_edit(edit)


def test_names_that_the_inventory_lacks_are_refused(inventory: Inventory) -> None:
    """With what it has."""
    with pytest.raises(UsageError, match='no model "d"'):
        edited_inventory(inventory, {"d": ("mini-1",)})
    with pytest.raises(UsageError, match='no node "mini-9"'):
        edited_inventory(inventory, {"a": ("mini-9",)})
    with pytest.raises(UsageError, match="names no node"):
        edited_inventory(inventory, {"a": ()})
    with pytest.raises(InventoryError, match="cache_gb"):
        edited_inventory(inventory, {}, {"a": -1.0})


def test_the_files_mode_and_a_link_to_it_stay(inventory: Inventory, tmp_path: Path) -> None:
    """An inventory may be a link into another repository."""
    inventory.path.chmod(0o640)
    real = tmp_path / "elsewhere.toml"
    inventory.path.rename(real)
    inventory.path.symlink_to(real)
    write_edit(edited_inventory(inventory, {"a": ("mini-3",)}))
    assert inventory.path.is_symlink()
    assert '["mini-3"]  # both' in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written_stays_whole(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says why."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("garnet_cli.fleet.inventory_edit.write_atomically", full)
    with pytest.raises(GarnetError, match="No space left on device; nothing was changed"):
        write_edit(edited_inventory(inventory, {"a": ("mini-3",)}))
    assert inventory.path.read_text() == TEXT
