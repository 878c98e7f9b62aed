"""A page as a PNG, for the message that announces the report: painted from the same marks as the PDF."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

from garnet_cli.report.marks import Illustration, Mark, Page, Picture, Point, Shape, Text
from garnet_cli.report.palette import PAPER
from garnet_cli.report.typeface import FOLDER, runs

FINER = 3
"""Painted so many times larger, then reduced: smooth edges."""
CURVE_PARTS = 12


def png(page: Page, width_pixels: int = 1240) -> bytes:
    """Return the page as a PNG of this width; Pillow paints it, no other program is needed."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 -- only where a report is drawn

    scale = width_pixels / page.width_pt
    size = (width_pixels * FINER, round(page.height_pt * scale) * FINER)
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    for mark in page.marks:
        _paint(image, draw, mark, scale * FINER)
    small = image.resize((size[0] // FINER, size[1] // FINER), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, "PNG", optimize=True)
    return written.getvalue()


def _paint(image: Any, draw: Any, mark: Mark, scale: float) -> None:
    if isinstance(mark, Illustration):
        for part in mark.marks:
            _paint(image, draw, part, scale)
    elif isinstance(mark, Picture):
        _paint_picture(image, mark, scale)
    elif isinstance(mark, Shape):
        _paint_shape(draw, mark, scale)
    else:
        _paint_text(image, draw, mark, scale)


def _paint_picture(image: Any, mark: Picture, scale: float) -> None:
    from PIL import Image  # noqa: PLC0415 -- only where a report is drawn

    with Image.open(io.BytesIO(mark.data)) as opened:
        logo = opened.convert("RGBA").resize((round(mark.width_pt * scale), round(mark.height_pt * scale)))
    image.paste(logo, (round(mark.x_pt * scale), round(mark.top_pt * scale)), logo)


def _paint_shape(draw: Any, shape: Shape, scale: float) -> None:
    for points in _outlines(shape):
        scaled = [(x * scale, y * scale) for x, y in points]
        if shape.fill and len(scaled) > 2:  # noqa: PLR2004 -- a surface has three corners
            draw.polygon(scaled, fill=shape.fill)
        if shape.stroke and len(scaled) > 1:
            for part in _dashed(scaled, tuple(dash * scale for dash in shape.dash_pt)):
                draw.line(
                    part, fill=shape.stroke, width=max(1, round(shape.stroke_pt * scale)), joint="curve"
                )


def _outlines(shape: Shape) -> list[list[Point]]:
    """Return the path's pieces as straight lines."""
    pieces: list[list[Point]] = []
    for kind, points in shape.steps:
        if kind == "move":
            pieces.append([points[0]])
        elif kind == "line":
            pieces[-1].append(points[0])
        elif kind == "close":
            pieces[-1].append(pieces[-1][0])
        else:
            begin, (one, two, end) = pieces[-1][-1], points
            for part in range(1, CURVE_PARTS + 1):
                t = part / CURVE_PARTS
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
                x, y = (
                    sum(
                        weight * point[axis]
                        for weight, point in zip(weights, (begin, one, two, end), strict=True)
                    )
                    for axis in (0, 1)
                )
                pieces[-1].append((x, y))
    return pieces


def _dashed(points: list[Point], pattern: tuple[float, ...]) -> list[list[Point]]:
    """Return the line as it is, or its dashes."""
    if not pattern or not sum(pattern):
        return [points]
    parts: list[list[Point]] = []
    place, left, on = 0, pattern[0], True
    for (x0, y0), (x1, y1) in pairwise(points):
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        done = 0.0
        while length - done > 1e-6:  # noqa: PLR2004 -- nothing is left of this piece
            step = min(left, length - done)
            ends = [
                (x0 + (x1 - x0) * at / length, y0 + (y1 - y0) * at / length) for at in (done, done + step)
            ]
            if on:
                parts.append(ends)
            done += step
            left -= step
            if left <= 1e-6:  # noqa: PLR2004 -- the next dash or gap begins
                place, on = (place + 1) % len(pattern), not on
                left = pattern[place]
    return parts


def _paint_text(image: Any, draw: Any, mark: Text, scale: float) -> None:
    from PIL import Image, ImageDraw  # noqa: PLC0415 -- only where a report is drawn

    x, y = mark.x_pt * scale, mark.baseline_pt * scale
    if not mark.angle_degrees:
        _paint_runs(draw, mark, x, y, scale)
        return
    high = round(mark.size_pt * scale * 2)
    layer = Image.new("RGBA", (round(mark.width_pt * scale) + high, high), (*mark.colour, 0))
    _paint_runs(ImageDraw.Draw(layer), mark, 0, high / 2, scale)
    turned = layer.rotate(90, expand=True)
    image.paste(turned, (round(x - high / 2), round(y - turned.height)), turned)


def _paint_runs(draw: Any, mark: Text, x: float, y: float, scale: float) -> None:
    from PIL import ImageFont  # noqa: PLC0415 -- only where a report is drawn

    size = mark.size_pt * scale
    for face, piece in runs(mark.text, mark.weight):
        font = ImageFont.truetype(
            str(FOLDER / f"{face.name}.ttf"), size, layout_engine=ImageFont.Layout.BASIC
        )
        for character in piece:
            draw.text((x, y), character, font=font, fill=mark.colour, anchor="ls")
            x += face.advances[ord(character)] * size
