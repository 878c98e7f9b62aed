"""Pages on which nothing overlaps, nothing is cut and no heading stands alone, whatever the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garnet_cli.report.blocks import Paragraph, Section, Subsection
from garnet_cli.report.contents import MonthReport
from garnet_cli.report.layout import PageBreak, faults, flow
from garnet_cli.report.marks import Illustration, Mark, Page, Text
from garnet_cli.report.paragraph import set_line
from garnet_cli.report.pdf import pages, render
from garnet_cli.report.style import BODY, BOTTOM_PT, MARGIN_PT, TOP_PT, Form, Paper
from tests.garnet_cli.report.made import LONG, OTHER_SCRIPTS, made

LONG_NODES = [f"datacentre-frankfurt-am-main-row-{row:02d}-shelf-upper.example.internal" for row in range(8)]
CASES: dict[str, Callable[[], MonthReport]] = {
    "eight nodes": made,
    "64 nodes, 40 models": lambda: made(nodes=64, models=40, incidents=25),
    "33 nodes, 38 models": lambda: made(nodes=33, models=38),
    "no traffic": lambda: made(traffic=False, nodes=2, models=3, incidents=0, history=False),
    "one node": lambda: made(nodes=1, models=1, incidents=1),
    "half the data, 28 days": lambda: made(known=0.5, days=28, preview=True),
    "one day": lambda: made(days=1, history=False),
    "other scripts": lambda: made(model_names=OTHER_SCRIPTS, customer="株式会社メリディアン"),
    "long names": lambda: made(model_names=[f"{LONG}{place}" for place in range(6)], node_names=LONG_NODES),
    "names without joints": lambda: made(model_names=["m" * 200, "w" * 120], node_names=["n" * 90, "o" * 90]),
    "quarter": lambda: made(days=92, quarter=True),
}


@cache
def drawn_as(case: str, paper: Paper) -> list[Page]:
    """Drawn as."""
    return pages(CASES[case](), Form(paper=paper))


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("case", CASES)
def test_nothing_overlaps_or_leaves_the_margins(case: str, paper: Paper) -> None:
    """Nothing overlaps or leaves the margins."""
    assert faults(drawn_as(case, paper)) == []


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("case", CASES)
def test_no_heading_ends_a_page_and_no_page_is_empty(case: str, paper: Paper) -> None:
    """No heading ends a page and no page is empty."""
    for page in drawn_as(case, paper):
        body = [text for text in texts(page.marks) if text.baseline_pt < page.height_pt - BOTTOM_PT + 1]
        assert body, "an empty page"
        lowest = max(text.baseline_pt for text in body)
        for bookmark in page.bookmarks:
            assert lowest > bookmark.top_pt + 20, f"{bookmark.title} stands alone at the foot"


def test_a_report_of_extreme_figures_fits() -> None:
    """A report of extreme figures fits."""
    report = made(nodes=3, models=3)
    figures = tuple(
        replace(
            figure,
            actual=figure.actual and -figure.actual * 1e7,
            change=-123_456.7,
            note=LONG * 2,
            label=LONG,
        )
        for figure in report.key_figures
    )
    decisions = tuple(
        replace(decision, text=LONG * 3, why=LONG * 9, command=LONG * 2) for decision in report.decisions
    )
    assert faults(pages(replace(report, key_figures=figures, decisions=decisions), Form())) == []


def test_an_operators_note_longer_than_a_page_goes_on_over_pages() -> None:
    """An operators note longer than a page goes on over pages."""
    report = made(nodes=2, models=2, incidents=1)
    incident = replace(report.uptime.incidents[0], cause="zyx " * 700)
    drawn = pages(replace(report, uptime=replace(report.uptime, incidents=(incident,))), Form())
    assert faults(drawn) == []
    whole = " ".join(text.text for page in drawn for text in texts(page.marks))
    assert whole.count("zyx") == 700


def test_the_check_sees_text_upon_text() -> None:
    """The check sees text upon text."""
    one = set_line("what stands here", BODY, 100, 100, 200)
    other = set_line("is hidden", BODY, 120, 103, 200)
    page = Page(width_pt=595, height_pt=842, marks=(*one, *other))
    assert faults([page]) == ["page 1: 'what stands here' overlaps 'is hidden'"]


def test_the_check_sees_text_beyond_the_margin() -> None:
    """The check sees text beyond the margin."""
    page = Page(width_pt=595, height_pt=842, marks=tuple(set_line("far out", BODY, 560, 100, 200)))
    assert faults([page]) == ["page 1: 'far out' leaves the margins"]


def test_a_heading_goes_with_what_follows_to_the_next_page() -> None:
    """A heading goes with what follows to the next page."""
    form = Form()
    filler = [Paragraph(text="line", before_pt=13.0) for _ in range(26)]
    heading = Subsection(title="Heading", keep_with_next=True, before_pt=10.0)
    drawn = flow([*filler, heading, Paragraph(text="text " * 60)], form)
    assert [bookmark.title for bookmark in drawn[0].bookmarks] == []
    assert [bookmark.title for bookmark in drawn[1].bookmarks] == ["Heading"]
    assert drawn[1].bookmarks[0].top_pt == TOP_PT, "space above a heading is lost at a page's begin"


def test_a_page_break_at_a_pages_begin_makes_no_empty_page() -> None:
    """A page break at a pages begin makes no empty page."""
    drawn = flow([PageBreak(), Section(title="One"), PageBreak(), PageBreak(), Section(title="Two")], Form())
    assert [[bookmark.title for bookmark in page.bookmarks] for page in drawn] == [["One"], ["Two"]]


def test_a_long_paragraph_is_split_with_two_lines_on_each_side() -> None:
    """A long paragraph is split with two lines on each side."""
    form = Form()
    drawn = flow(
        [Paragraph(text="filler", before_pt=640.0), Paragraph(text="filler"), Paragraph(text="word " * 90)],
        form,
    )
    on_pages = [[text.baseline_pt for text in texts(page.marks)] for page in drawn]
    assert sum(map(len, on_pages)) > 6
    assert all(len(lines) >= 2 for lines in on_pages)


def texts(marks: tuple[Mark, ...]) -> list[Text]:
    """Texts."""
    found: list[Text] = []
    for mark in marks:
        if isinstance(mark, Text):
            found.append(mark)
        elif isinstance(mark, Illustration):
            found.extend(texts(mark.marks))
    return found


def test_all_text_begins_within_the_margins() -> None:
    """All text begins within the margins."""
    for page in pages(made(), Form()):
        assert min(text.x_pt for text in texts(page.marks)) >= MARGIN_PT


@settings(max_examples=8, deadline=None)
@given(
    names=st.lists(st.text(min_size=1, max_size=70), min_size=1, max_size=4, unique=True),
    nodes=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=3, unique=True),
    customer=st.text(max_size=60),
    paper=st.sampled_from(["a4", "letter"]),
)
def test_any_names_are_set_and_written(
    names: list[str], nodes: list[str], customer: str, paper: Paper
) -> None:
    """Whatever Unicode a name holds, nothing overlaps and the PDF is written."""
    report = made(model_names=names, node_names=nodes, customer=customer, incidents=1)
    form = Form(paper=paper)
    assert faults(pages(report, form)) == []
    assert render(report, form).startswith(b"%PDF-")
