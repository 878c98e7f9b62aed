"""Pages of marks written as a PDF: embedded fonts, outline, alt text; equal pages give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from garnet_cli.report.marks import Page


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a PDF says of itself."""

    title: str
    subject: str
    author: str
    keywords: str
    creator: str
    language: str
    """A language tag of BCP 47."""
    created_unix: int


def write(pages: Sequence[Page], facts: Facts) -> bytes:
    """Return the PDF."""
    from garnet_cli.report.pdf_document import Document  # noqa: PLC0415 -- fpdf2 is imported only to draw

    document = Document(unit="pt", format=(pages[0].width_pt, pages[0].height_pt))
    _describe(document, facts)
    for page in pages:
        document.put_page(page)
    return bytes(document.output())


def _describe(document: Any, facts: Facts) -> None:
    document.set_auto_page_break(False)
    document.set_margin(0)
    document.set_title(facts.title)
    document.set_subject(facts.subject)
    document.set_author(facts.author)
    document.set_keywords(facts.keywords)
    document.set_creator(facts.creator)
    document.set_lang(facts.language)
    document.set_creation_date(datetime.fromtimestamp(facts.created_unix, UTC))
    document.set_display_mode("fullpage")
