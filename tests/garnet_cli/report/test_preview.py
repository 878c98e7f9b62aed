"""Page 1 as a picture, painted here without any other program."""

from __future__ import annotations

import io

from PIL import Image

from garnet_cli.report.palette import ACCENT, PAPER
from garnet_cli.report.pdf import preview
from garnet_cli.report.style import Form
from tests.garnet_cli.report.made import made


def logo() -> bytes:
    """Logo."""
    written = io.BytesIO()
    Image.new("RGB", (300, 100), (0, 128, 0)).save(written, "PNG")
    return written.getvalue()


def test_the_preview_is_a_png_of_the_papers_shape() -> None:
    """The preview is a PNG of the papers shape."""
    made_picture = preview(made(nodes=2, models=2), Form())
    with Image.open(io.BytesIO(made_picture)) as picture:
        assert picture.format == "PNG"
        assert picture.width == 1240
        assert abs(picture.height / picture.width - 841.89 / 595.28) < 0.002
        colours = {colour for _, colour in picture.getcolors(1 << 20) or []}
        assert {PAPER, ACCENT} <= colours
    assert len(made_picture) < 1_000_000, "small enough for a message"


def test_equal_reports_give_equal_pictures_and_others_do_not() -> None:
    """Equal reports give equal pictures and others do not."""
    assert preview(made(nodes=2, models=2), Form()) == preview(made(nodes=2, models=2), Form())
    assert preview(made(nodes=2, models=2), Form()) != preview(made(nodes=2, models=2, traffic=False), Form())


def test_the_customers_logo_is_at_the_top_right_in_its_own_proportions() -> None:
    """The customers logo is at the top right in its own proportions."""
    with Image.open(io.BytesIO(preview(made(nodes=1, models=1), Form(logo=logo())))) as picture:
        green = [
            (x, y)
            for x in range(0, picture.width, 4)
            for y in range(0, 400, 4)
            if picture.getpixel((x, y)) == (0, 128, 0)
        ]
    across, down = [x for x, _ in green], [y for _, y in green]
    assert min(across) > 800
    assert abs((max(across) - min(across)) / (max(down) - min(down)) - 3) < 0.2
