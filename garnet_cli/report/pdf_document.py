"""fpdf2's document with a way to write marks. Imported only where a report is written: fpdf2 is heavy."""

from __future__ import annotations

import io

from fpdf import FPDF

from garnet_cli.report.marks import Illustration, Mark, Picture, Shape, Text
from garnet_cli.report.palette import Colour
from garnet_cli.report.typeface import FOLDER, runs


class Document(FPDF):
    """A PDF that takes marks. Points, from the top left corner."""

    def put(self, mark: Mark) -> None:
        """Write one mark on the current page."""
        if isinstance(mark, Illustration):
            with self._marked_sequence(title=mark.title, alt_text=mark.alt):
                for part in mark.marks:
                    self.put(part)
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
        else:
            self._put_text(mark)

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
