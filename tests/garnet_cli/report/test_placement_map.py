"""The placement map: a cell for each pair, its state told by fill and outline."""

from __future__ import annotations

from garnet_cli.report.marks import Shape, Text
from garnet_cli.report.palette import ACCENT, SOFT, TINT, lightness
from garnet_cli.report.placement_map import height_pt, most_nodes, parts, placement
from garnet_cli.report.sections import Placed
from garnet_cli.report.shown import Shown
from garnet_cli.report.words import words

SHOWN = Shown(words=words("en"))


def pair(node: str, *, wanted: bool = True, seen: bool = True, busy_pct: float | None = 50.0) -> Placed:
    """Return one pair."""
    return Placed(
        model="m",
        node=node,
        wanted=wanted,
        seen=seen,
        requests=1,
        busy_pct=busy_pct,
        memory_bytes=1,
        cache_hit_pct=None,
    )


def drawn(*pairs: Placed, nodes: tuple[str, ...] = ("a",)) -> list[Text | Shape]:
    """Return the marks of a map."""
    return placement(["m"], nodes, pairs, SHOWN)(490, 100)


def fills(marks: list[Text | Shape]) -> list[tuple[int, int, int]]:
    """Return the fills."""
    return [mark.fill for mark in marks if isinstance(mark, Shape) and mark.fill]


def strokes(marks: list[Text | Shape]) -> list[tuple[int, int, int]]:
    """Return the strokes."""
    return [mark.stroke for mark in marks if isinstance(mark, Shape) and mark.stroke]


def test_a_busier_loader_is_darker_and_says_how_busy() -> None:
    """A busier loader is darker and says how busy."""
    marks = drawn(pair("a", busy_pct=5.0), pair("b", busy_pct=90.0), nodes=("a", "b"))
    idle, busy = fills(marks)
    assert lightness(busy) < lightness(idle) - 20
    assert {"5", "90", "m", "a", "b"} == {mark.text for mark in marks if isinstance(mark, Text)}


def test_a_place_without_the_model_is_empty() -> None:
    """A place without the model is empty."""
    assert fills(drawn()) == [TINT]


def test_placed_but_never_seen_is_outlined_in_grey() -> None:
    """Placed but never seen is outlined in grey."""
    assert strokes(drawn(pair("a", seen=False))) == [SOFT]


def test_seen_but_not_placed_is_outlined_in_red() -> None:
    """Seen but not placed is outlined in red."""
    assert strokes(drawn(pair("a", wanted=False))) == [ACCENT]


def test_many_nodes_are_cut_into_maps_of_equal_width() -> None:
    """Many nodes are cut into maps of equal width."""
    names = [f"n{place}" for place in range(64)]
    cut = parts(names, most_nodes(493))
    assert [len(part) for part in cut] == [32, 32]
    assert [name for part in cut for name in part] == names
    assert parts([], 10) == [()]


def test_its_height_covers_every_row() -> None:
    """Its height covers every row."""
    models = ["m", "a-model-with-a-very-long-name-that-takes-more-than-one-line-in-its-column-of-names"]
    high = height_pt(models, ["a"], 490)
    marks = placement(models, ["a"], [], SHOWN)(490, high)
    assert (
        max(y for mark in marks if isinstance(mark, Shape) for _, points in mark.steps for _, y in points)
        <= high
    )
