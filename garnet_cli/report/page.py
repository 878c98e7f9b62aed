"""What every page has: whose report it is, how complete its data are, its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from garnet_cli.report.marks import Mark, Page, rule
from garnet_cli.report.palette import RULE
from garnet_cli.report.paragraph import set_line, shortened
from garnet_cli.report.style import BOTTOM_PT, FOOT, MARGIN_PT
from garnet_cli.report.view import View

BELOW_PT = 24.0
"""From the text's end to the foot's baseline."""


def furnished(pages: Sequence[Page], view: View) -> list[Page]:
    """Return the pages, each with its foot."""
    return [
        replace(page, marks=(*page.marks, *_foot(page, number, len(pages), view)))
        for number, page in enumerate(pages, start=1)
    ]


def _foot(page: Page, number: int, count: int, view: View) -> list[Mark]:
    words, shown, report = view.words, view.shown, view.report
    wide = view.form.text_width_pt
    baseline = page.height_pt - BOTTOM_PT + BELOW_PT
    who = words("document.foot", who=report.customer or report.fleet, period=report.period.title)
    complete = " · ".join(
        [
            words("document.data_until", time=shown.moment(report.as_of_unix, report.period.timezone)),
            words("document.complete", pct=shown.pct(report.completeness.complete_pct)),
        ]
    )
    third = wide / 3
    return [
        rule(MARGIN_PT, baseline - 13.0, wide, RULE, 0.4),
        *set_line(shortened(who, FOOT, third - 10), FOOT, MARGIN_PT, baseline, third),
        *set_line(complete, FOOT, MARGIN_PT + third, baseline, third, "centre"),
        *set_line(
            words("document.page", page=str(number), pages=str(count)),
            FOOT,
            MARGIN_PT + 2 * third,
            baseline,
            third,
            "right",
        ),
    ]
