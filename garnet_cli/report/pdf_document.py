"""fpdf2's document with a way to write marks. Imported only where a report is written: fpdf2 is heavy."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

from fpdf import FPDF

from garnet_cli.report.marks import Illustration, Mark, Page, Picture, Shape, Text
from garnet_cli.report.palette import Colour
from garnet_cli.report.scripts import as_spelled, for_display
from garnet_cli.report.style import BOTTOM_PT, SECTION, SUBSECTION, TITLE
from garnet_cli.report.typeface import FOLDER, runs

HEADINGS = {TITLE.size_pt: "/H1", SECTION.size_pt: "/H1", SUBSECTION.size_pt: "/H2"}
"""Structure types (ISO 32000-1, 14.8.4) by the size that only headings have; all other text is ``/P``."""


class Document(FPDF):
    """A PDF that takes marks. Points, from the top left corner."""

    def put_page(self, page: Page) -> None:
        """Write a page. Lines and feet are told to screen readers as ornament, text as headings and text."""
        self.add_page()
        for bookmark in page.bookmarks:
            self.set_y(bookmark.top_pt)
            self.start_section(bookmark.title, level=bookmark.level, strict=False)
        for kind, marks in groupby(page.marks, self._kind):
            if kind == "illustration":
                for mark in marks:
                    self._put(mark)
            else:
                with self._told_as(kind):
                    for mark in marks:
                        self._put(mark)

    def _kind(self, mark: Mark) -> str:
        if isinstance(mark, Illustration | Picture):
            return "illustration"
        if isinstance(mark, Shape) or mark.baseline_pt > self.h - BOTTOM_PT:
            return "/Artifact"
        return HEADINGS.get(mark.size_pt, "/P")

    @contextmanager
    def _told_as(self, kind: str) -> Iterator[None]:
        if kind == "/Artifact":
            self._out("/Artifact BMC")
        else:
            number = self.struct_builder.next_mcid_for_page(self.page)
            self._add_marked_content(struct_type=kind, mcid=number)
            self._out(f"{kind} <</MCID {number}>> BDC")
        yield
        self._out("EMC")

    def _put(self, mark: Mark) -> None:
        if isinstance(mark, Illustration):
            with self._marked_sequence(title=mark.title, alt_text=mark.alt):
                for part in mark.marks:
                    self._put(part)
        elif isinstance(mark, Picture):
            self.image(
                io.BytesIO(mark.data),
                mark.x_pt,
                mark.top_pt,
                mark.width_pt,
                mark.height_pt,
                alt_text=mark.alt,
            )
        elif isinstance(mark, Shape):
            self._out(_operators(mark, self.h))
        elif for_display(mark.text) == mark.text:
            self._put_text(mark)
        else:
            # Drawn in another order or in other forms than it is spelled: searches get the spelling.
            spelled = as_spelled(mark.text).encode("utf-16-be").hex().upper()
            self._out(f"/Span <</ActualText <FEFF{spelled}>>> BDC")
            self._put_text(mark)
            self._out("EMC")

    def _put_text(self, mark: Text) -> None:
        self.set_text_color(*mark.colour)
        if mark.angle_degrees:
            with self.rotation(mark.angle_degrees, mark.x_pt, mark.baseline_pt):
                self._put_runs(mark)
        else:
            self._put_runs(mark)

    def _put_runs(self, mark: Text) -> None:
        x = mark.x_pt
        for face, piece in runs(mark.text, mark.weight):
            if face.name.lower() not in self.fonts:
                self.add_font(face.name, fname=FOLDER / f"{face.name}.ttf")
            self.set_font(face.name, size=mark.size_pt)
            self.text(x, mark.baseline_pt, piece)
            x += sum(face.advances[ord(character)] for character in piece) * mark.size_pt


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") or "0"


def _operators(shape: Shape, page_height_pt: float) -> str:
    """Return a path in the page description language (ISO 32000-1, 8.5)."""
    out = ["q"]
    if shape.fill:
        out.append(f"{_channels(shape.fill)} rg")
    if shape.stroke:
        dashes = " ".join(_number(dash) for dash in shape.dash_pt)
        out.append(f"{_channels(shape.stroke)} RG {_number(shape.stroke_pt)} w [{dashes}] 0 d 0 J 1 j")
    for kind, points in shape.steps:
        flat = " ".join(f"{_number(x)} {_number(page_height_pt - y)}" for x, y in points)
        out.append(f"{flat} {'mlch'[('move', 'line', 'curve', 'close').index(kind)]}".strip())
    paint = {(True, True): "B", (True, False): "f", (False, True): "S", (False, False): "n"}
    out.append(paint[shape.fill is not None, shape.stroke is not None])
    out.append("Q")
    return "\n".join(out)


def _channels(colour: Colour) -> str:
    return " ".join(_number(channel / 255) for channel in colour)
