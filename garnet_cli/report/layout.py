"""Blocks set one below another on pages: what stays together, what is split, where a page ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from garnet_cli.report.marks import Bookmark, Illustration, Mark, Page, Text
from garnet_cli.report.style import BOTTOM_PT, MARGIN_PT, TOP_PT, Form

DESCENT = 0.22
ASCENT = 0.72
"""How far letters reach below and above the baseline, as shares of the size, for the check of overlaps."""
SLACK_PT = 0.3


class Block(Protocol):
    """Something as wide as its column that takes up height."""

    @property
    def before_pt(self) -> float:
        """Empty space above it, unless it begins a page."""

    @property
    def keep_with_next(self) -> bool:
        """It must not end a page."""

    def height(self, width_pt: float) -> float:
        """Return how high it is."""

    def least(self, width_pt: float) -> float:
        """Return the height of the least part that may end a page: its whole height if it is not split."""

    def split(self, width_pt: float, room_pt: float) -> tuple[Block, Block | None]:
        """Return what fits in the room, which is at least ``least``, and the rest."""

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return its marks."""

    def bookmarks(self, top_pt: float) -> list[Bookmark]:
        """Return its entries in the outline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """The part of a block that is never split; the others build on it."""

    before_pt: float = 0.0
    keep_with_next: bool = False

    def height(self, width_pt: float) -> float:
        """Return how high it is."""
        raise NotImplementedError

    def least(self, width_pt: float) -> float:
        """Return its whole height."""
        return self.height(width_pt)

    def split(self, width_pt: float, room_pt: float) -> tuple[Block, Block | None]:  # noqa: ARG002 -- of the protocol
        """Return it whole."""
        return self, None

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:
        """Return its marks."""
        raise NotImplementedError

    def bookmarks(self, top_pt: float) -> list[Bookmark]:  # noqa: ARG002 -- of the protocol
        """Return none."""
        return []


@dataclass(frozen=True, kw_only=True, slots=True)
class PageBreak(Whole):
    """What follows begins a page."""

    def height(self, width_pt: float) -> float:  # noqa: ARG002 -- of the protocol
        """Return 0."""
        return 0.0

    def draw(self, x_pt: float, top_pt: float, width_pt: float) -> list[Mark]:  # noqa: ARG002 -- of the protocol
        """Return nothing."""
        return []


def flow(blocks: Sequence[Block], form: Form) -> list[Page]:
    """Set blocks on as many pages as they need; a block that begins a page loses the space above it."""
    width, bottom = form.text_width_pt, form.height_pt - BOTTOM_PT
    pages: list[tuple[list[Mark], list[Bookmark]]] = [([], [])]
    top = TOP_PT
    queue = list(blocks)
    while queue:
        block = queue.pop(0)
        fresh = top <= TOP_PT
        if isinstance(block, PageBreak):
            if not fresh:
                pages.append(([], []))
                top = TOP_PT
            continue
        begin = top if fresh else top + block.before_pt
        room = bottom - begin
        if not fresh and _wanted([block, *queue], width) > room + SLACK_PT:
            pages.append(([], []))
            top = TOP_PT
            queue.insert(0, block)
            continue
        part, rest = (block, None) if block.height(width) <= room + SLACK_PT else block.split(width, room)
        marks, bookmarks = pages[-1]
        marks.extend(part.draw(MARGIN_PT, begin, width))
        bookmarks.extend(part.bookmarks(begin))
        top = begin + part.height(width)
        if rest is not None:
            pages.append(([], []))
            top = TOP_PT
            queue.insert(0, rest)
    return [
        Page(
            width_pt=form.width_pt,
            height_pt=form.height_pt,
            marks=tuple(marks),
            bookmarks=tuple(bookmarks),
        )
        for marks, bookmarks in pages
    ]


def _wanted(queue: Sequence[Block], width_pt: float) -> float:
    """Return the height that must be free for the first block to begin here."""
    wanted = 0.0
    for place, block in enumerate(queue):
        if place:
            wanted += block.before_pt
        if not block.keep_with_next or place == len(queue) - 1:
            return wanted + block.least(width_pt)
        wanted += block.height(width_pt)
    return wanted


def faults(pages: Sequence[Page]) -> list[str]:
    """Return what is wrong to the eye: text beyond the margins, text upon text. Empty if all is well."""
    found: list[str] = []
    for number, page in enumerate(pages, start=1):
        boxes = sorted((_box(text), text) for text in _texts(page.marks))
        for place, ((left, top, right, bottom), text) in enumerate(boxes):
            if (
                left < MARGIN_PT - 1
                or right > page.width_pt - MARGIN_PT + 1
                or top < 0
                or bottom > page.height_pt
            ):
                found.append(f"page {number}: {text.text!r} leaves the margins")
            for (left2, top2, right2, bottom2), other in boxes[place + 1 :]:
                if left2 >= right - SLACK_PT:
                    break
                if min(bottom, bottom2) - max(top, top2) > SLACK_PT and right2 > left + SLACK_PT:
                    found.append(f"page {number}: {text.text!r} overlaps {other.text!r}")
    return found


def _texts(marks: Sequence[Mark]) -> list[Text]:
    texts: list[Text] = []
    for mark in marks:
        if isinstance(mark, Text):
            texts.append(mark)
        elif isinstance(mark, Illustration):
            texts.extend(_texts(mark.marks))
    return texts


def _box(text: Text) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of what is seen of a line of text."""
    if abs(text.angle_degrees) == 90:  # noqa: PLR2004 -- upright is the one other angle in use
        return (
            text.x_pt - ASCENT * text.size_pt,
            text.baseline_pt - text.width_pt,
            text.x_pt + DESCENT * text.size_pt,
            text.baseline_pt,
        )
    return (
        text.x_pt,
        text.baseline_pt - ASCENT * text.size_pt,
        text.x_pt + text.width_pt,
        text.baseline_pt + DESCENT * text.size_pt,
    )
