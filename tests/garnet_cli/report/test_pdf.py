"""The document as a whole: the same bytes for the same data, every figure in it, and well formed."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from garnet_cli.errors import UsageError
from garnet_cli.report.contents import MonthReport
from garnet_cli.report.marks import Illustration, Mark, Text
from garnet_cli.report.pdf import pages, render
from garnet_cli.report.shown import Shown
from garnet_cli.report.style import Form
from garnet_cli.report.words import words
from tests.garnet_cli.report.made import OTHER_SCRIPTS, made

NOT_PRINTED = re.compile(
    r"""^(schema|as_of_unix|traces\..*
    |period\.(begin_unix|end_unix|hours)
    |key_figures\[\]\.before
    # Drawn in a chart; the JSON and the CSV files have them in figures.
    |volume\.days\[\].*|thermal\.days\[\].*|completeness\.days\[\].*|capacity\.weeks\[\].*
    |distribution\.placed\[\].*
    # Told in the section's sentence, which is made with the figures.
    |thermal\.(peak_package_celsius|throttle_pct|throttle_pct_before|throttle_events|ambient.*)
    |volume\.(answered|cancelled|errors|tokens|tokens_before)|capacity\.ceiling_pct
    |costs\.(usd_per_million_before|times_under_api)
    # Follow from what stands beside them.
    |volume\.models\[\]\.(answered|cancelled|errors|tokens|tokens_before)
    |thermal\.nodes\[\]\.observed_hours
    |costs\.models\[\]\.api_usd
    |uptime\.(serving|fleet)\.(up|down|unknown|cut_off)_s|uptime\.nodes\[\]\.up_s
    |uptime\.incidents\[\]\.begin_unix
    |scorecard\.(days_of_data|needed_days)
    )$""",
    re.VERBOSE,
)


def text_of(pdf: bytes) -> str:
    """Text of."""
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def texts(marks: Sequence[Mark]) -> list[Text]:
    """Return all lines of text of a page, those of charts too."""
    found: list[Text] = []
    for mark in marks:
        if isinstance(mark, Text):
            found.append(mark)
        elif isinstance(mark, Illustration):
            found.extend(texts(mark.marks))
    return found


def figures_of(value: Any, path: str = "") -> list[tuple[str, float]]:
    """Figures of."""
    if isinstance(value, dict):
        return [
            found
            for key, part in value.items()
            for found in figures_of(part, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list):
        return [found for part in value for found in figures_of(part, f"{path}[]")]
    return [(path, value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def ways_to_print(path: str, value: float) -> set[str]:  # noqa: C901 -- one branch a unit
    """Return how a figure may be printed, by what its field's name says of its unit."""
    name, shown = path.rsplit(".", 1)[-1], Shown(words=words("en"))
    if "usd_per_million" in name:
        ways = {shown.rate(value)}
    elif "usd" in name:
        ways = {shown.usd(value), shown.usd(abs(value))}
    elif name == "change" or name.startswith("change_pct"):
        ways = {shown.change(value), shown.change(value, "points")}
    elif "_pct" in name:
        ways = {shown.pct(value, decimals) for decimals in (1, 2, 3)}
    elif name in {"actual", "target", "target_high"}:
        units = ("tokens", "usd", "usd_per_million_tokens", "times", "pct", "ms", "s", "celsius", "kwh")
        ways = {shown.unit(value, unit) for unit in units}
        ways |= {shown.trimmed(way) for way in ways}
    elif name.endswith("_ms"):
        ways = {shown.count(value)}
    elif name.endswith("_s"):
        ways = {shown.seconds(value)}
    elif name.endswith("_bytes"):
        ways = {shown.bytes(value)}
    elif name.endswith(("_celsius", "_hours")):
        ways = {shown.number(value, 1), shown.number(value, 2)}
    elif name == "kwh":
        ways = {shown.figures(value)}
    else:
        ways = {shown.count(value), shown.short(value)}
    return ways


def figures_in(lines: list[str]) -> set[str]:
    """Return lines whole, and cut where a range, a list or a bracket has its joints."""
    cut = {part.strip("≥≤ .") for line in lines for part in re.split("[\N{EN DASH};()]| to |, | in ", line)}
    ends = [line.split("\N{EN DASH}") for line in lines if "\N{EN DASH}" in line]
    units = {
        f"{low}{match[0]}"
        for low, high in (pair for pair in ends if len(pair) == 2)
        if (match := re.search(r"[^\d.,]+$", high))
    }
    words_alone = {word for line in lines for word in line.split(" ")}
    return {*lines, *cut, *words_alone, *units}


def test_equal_reports_give_equal_bytes() -> None:
    """Equal reports give equal bytes."""
    assert render(made(), Form()) == render(made(), Form())


def test_another_figure_gives_another_document() -> None:
    """Another figure gives another document."""
    report = made(nodes=2, models=2)
    figure = replace(report.key_figures[0], actual=12_345_678.0)
    changed = replace(report, key_figures=(figure, *report.key_figures[1:]))
    assert "12.3\u202fM" in text_of(render(changed, Form()))
    assert "12.3\u202fM" not in text_of(render(report, Form()))


@pytest.mark.parametrize(
    "report",
    [made(nodes=3, models=4, quarter=True), made(nodes=2, models=2, known=0.5)],
    ids=["quarter", "half the data"],
)
def test_the_text_has_every_figure_of_the_json(report: MonthReport) -> None:
    """The text has every figure of the JSON."""
    lines = [text.text for page in pages(report, Form()) for text in texts(page.marks)]
    printed = figures_in(lines)
    missing = [
        (path, value)
        for path, value in figures_of(report.as_json())
        if not NOT_PRINTED.match(path) and not ways_to_print(path, value) & printed
    ]
    assert missing == []
    written = re.sub(r"\s", "", text_of(render(report, Form())))
    assert [line for line in lines if re.sub(r"\s", "", line) not in written] == []


def test_it_names_itself_its_language_and_its_sections() -> None:
    """It names itself its language and its sections."""
    report = made(nodes=2, models=2)
    reader = PdfReader(io.BytesIO(render(report, Form())))
    root: Any = reader.trailer["/Root"]
    assert reader.metadata is not None
    assert reader.metadata.title == "Monthly report, October 2026: Meridian Analytics"
    assert reader.metadata.creation_date is not None
    assert int(reader.metadata.creation_date.timestamp()) == report.as_of_unix
    assert root["/Lang"] == "en"
    titles = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    assert titles[:2] == ["October 2026", "Inference volume"]
    assert titles[-1] == "Glossary"
    assert "1 / " in reader.pages[0].extract_text()


def test_every_chart_has_a_text_in_its_place() -> None:
    """Every chart has a text in its place."""
    root: Any = PdfReader(io.BytesIO(render(made(nodes=2, models=2), Form()))).trailer["/Root"]
    document = root["/StructTreeRoot"]["/K"][0].get_object()
    told = [kid.get_object() for kid in document["/K"]]
    alternatives = [str(element["/Alt"]) for element in told if element["/S"] == "/Figure"]
    assert len(alternatives) == 6
    assert all(len(text) > 20 for text in alternatives)
    assert any(text.startswith("Bars: tokens by day, from 1 Oct to 31 Oct.") for text in alternatives)


def test_headings_and_text_are_told_to_screen_readers_as_such() -> None:
    """The structure tree has the title first, then headings of sections, and text."""
    root: Any = PdfReader(io.BytesIO(render(made(nodes=2, models=2), Form()))).trailer["/Root"]
    kinds = [kid.get_object()["/S"] for kid in root["/StructTreeRoot"]["/K"][0].get_object()["/K"]]
    assert kinds.count("/H1") == 13, "the title and each section"
    assert kinds.count("/H2") > 10
    assert kinds.count("/P") > 100


@pytest.mark.parametrize(
    ("report", "fewest", "most"),
    [
        (made(nodes=1, models=1), 6, 9),
        (made(), 9, 13),
        (made(nodes=64, models=40, incidents=25), 18, 27),
        (made(traffic=False, nodes=2, models=3, incidents=0, history=False), 4, 7),
    ],
    ids=["one node", "eight nodes", "64 nodes", "no traffic"],
)
def test_it_is_as_long_as_it_has_to_say(report: MonthReport, fewest: int, most: int) -> None:
    """It is as long as it has to say."""
    assert fewest <= len(PdfReader(io.BytesIO(render(report, Form()))).pages) <= most


def test_letter_paper_is_letter_paper() -> None:
    """Letter paper is letter paper."""
    box = PdfReader(io.BytesIO(render(made(nodes=1, models=1), Form(paper="letter")))).pages[0].mediabox
    assert (float(box.width), float(box.height)) == (612, 792)


def test_names_in_other_scripts_can_be_found_and_are_embedded() -> None:
    """Names in other scripts can be found and are embedded."""
    pdf = render(made(nodes=1, model_names=OTHER_SCRIPTS), Form())
    text = text_of(pdf)
    for name in ("通义千问-32b", "日本語モデル-13b", "한국어-모델-8b", "Ελληνικό-7b", "русская-модель-70b"):
        assert name in text
    spelled = "हिन्दी-मॉडल-7b".encode("utf-16-be").hex().upper().encode()
    assert any(
        spelled in contents.get_data()
        for page in PdfReader(io.BytesIO(pdf)).pages
        if (contents := page.get_contents()) is not None
    )
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(io.BytesIO(pdf)).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }
    assert any("DroidSansFallback" in font for font in fonts)
    assert len(pdf) < 300_000, "fonts are embedded as subsets"


def test_names_written_from_right_to_left_are_found_by_other_readers(tmp_path: Path) -> None:
    """Pdftotext gives Arabic and Hebrew names as they are spelled."""
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed")
    path = tmp_path / "report.pdf"
    path.write_bytes(render(made(nodes=1, model_names=OTHER_SCRIPTS), Form()))
    done = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, check=True)
    text = re.sub("[\u202a-\u202e]", "", done.stdout)
    assert "عربي" in text
    assert "עברי" in text


def test_a_language_without_a_file_is_refused_by_name() -> None:
    """A language without a file is refused by name."""
    with pytest.raises(UsageError, match=r"no language 'xx'.*choose one of: en"):
        render(replace(made(nodes=1, models=1), language="xx"), Form())


@pytest.mark.parametrize(
    "tool", [["qpdf", "--check"], ["pdfinfo"], ["pdffonts"]], ids=lambda tool: str(tool[0])
)
def test_other_readers_open_it_without_complaint(tool: list[str], tmp_path: Path) -> None:
    """Other readers open it without complaint."""
    if not shutil.which(tool[0]):
        pytest.skip(f"{tool[0]} is not installed")
    path = tmp_path / "report.pdf"
    path.write_bytes(render(made(nodes=3, model_names=OTHER_SCRIPTS, quarter=True), Form()))
    done = subprocess.run([*tool, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


def test_text_can_be_selected_in_reading_order(tmp_path: Path) -> None:
    """Text can be selected in reading order."""
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed")
    path = tmp_path / "report.pdf"
    path.write_bytes(render(made(nodes=2, models=2), Form()))
    done = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, check=True)
    places = [
        done.stdout.index(title) for title in ("Tokens served", "Decisions asked for", "Inference volume")
    ]
    assert places == sorted(places)
