"""Make the pictures in docs/pictures from a simulated fleet: python -m benchmarks.pictures.

The same simulation makes the same pictures. Chromium and ChromeDriver draw them.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
from datetime import UTC
from pathlib import Path
from typing import Literal

from rich.console import Console

from garnet_cli.dashboard.page import page_html
from garnet_cli.dashboard.top_rows import top_view
from garnet_cli.dashboard.top_screen import screen
from tests.fleet.browser import Browser, browsing
from tests.garnet_cli.dashboard import simulated_looks
from tests.garnet_cli.dashboard.pages import working_day
from tests.garnet_cli.dashboard.simulated import MODELS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
DESK, PHONE = 1200, 360
PHONE_HEIGHT = 2400
TOP_COLUMNS = 86
LINES = 22
STEPS_BACK = 36
"""The cursor stands in the afternoon."""

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    """Draw all pictures into the folder asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, browsing() as browser:
        page = Path(scratch) / "dashboard.html"
        page.write_text(page_html(working_day()), encoding="utf-8")
        for scheme in SCHEMES:
            browser.view(DESK, scheme=scheme)
            browser.open(page.as_uri())
            browser.run("document.querySelector('.plot').focus({ preventScroll: true })")
            browser.press(*["left"] * STEPS_BACK)
            (folder / f"dashboard-{scheme}.png").write_bytes(browser.picture(whole=True))
        browser.view(PHONE, PHONE_HEIGHT)
        browser.open(page.as_uri())
        (folder / "dashboard-phone.png").write_bytes(browser.picture())
        (folder / "top.png").write_bytes(_picture_of_top(browser, Path(scratch) / "top.html"))
    for path in sorted(folder.glob("*.png")):
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


def _picture_of_top(browser: Browser, path: Path) -> bytes:
    console = Console(
        file=io.StringIO(), width=TOP_COLUMNS, record=True, force_terminal=True, color_system="truecolor"
    )
    view = top_view("office", simulated_looks.fleet(), simulated_looks.NOW, MODELS)
    console.print(screen(view, TOP_COLUMNS, LINES, UTC))
    drawing = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="garnet top"), flags=re.DOTALL)
    path.write_text(f"<body style='margin:0'>{drawing}", encoding="utf-8")
    width, height = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)[0])
    browser.view(round(width), round(height))
    browser.open(path.as_uri())
    return browser.picture()


if __name__ == "__main__":
    main()
