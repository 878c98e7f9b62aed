"""The page as a file: self-contained, inert data, readable colours."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
from dataclasses import replace

import pytest

from garnet_cli.dashboard.page import asset, page_html
from tests.garnet_cli.dashboard.pages import fleet, made_of, working_day

EVIL = "</script><img src=x onerror=alert(1)>&\u2028'\""


class Tags(html.parser.HTMLParser):
    """Collects tags, and the text of style and script."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep text under the last tag."""
        if self.tags and self.tags[-1][0] in ("script", "style") and data.strip():
            self.texts.append(data)


def parsed(page: str) -> Tags:
    """Return a page's tags."""
    tags = Tags()
    tags.feed(page)
    return tags


def test_page_needs_nothing_from_elsewhere() -> None:
    """No address of another host, no file beside it, and a policy that would refuse both."""
    page = page_html(working_day(hours=1))
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert not re.search(r"@import|url\(", page)
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


def test_policy_names_the_digest_of_the_style_and_script_in_the_page() -> None:
    """Else a browser would run neither."""
    page = page_html(made_of([], fleet()))
    policy = next(
        tag["content"]
        for name, tag in parsed(page).tags
        if tag.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy
    for text in re.findall(r"<style>(.*?)</style>|<script>(.*?)</script>", page, re.DOTALL):
        digest = hashlib.sha256((text[0] or text[1]).encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_names_cannot_become_markup() -> None:
    """A node, a model and a fleet with markup in their names leave the page's tags as they are."""
    plain = parsed(page_html(made_of([], fleet(("a",), ("m",)))))
    evil = parsed(page_html(made_of([], fleet((EVIL,), (EVIL,), name=EVIL))))
    assert [tag for tag, _ in evil.tags] == [tag for tag, _ in plain.tags]
    found = json.loads(next(text for text in evil.texts if text.startswith("{")))
    assert found["nodes"][0]["name"] == found["models"][0]["name"] == EVIL


def test_document_in_the_page_is_the_document() -> None:
    """The text block holds all figures, parsed back."""
    data = replace(working_day(hours=1), refresh_s=30)
    text = next(text for text in parsed(page_html(data)).texts if text.startswith("{"))
    assert json.loads(text)["totals"]["requests"] == data.totals.requests
    assert json.loads(text)["refresh_s"] == 30


def luminance(colour: str) -> float:
    """Return WCAG 2's relative luminance of ``#rrggbb``."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return WCAG 2's contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_every_ground(scheme: int) -> None:
    """WCAG AA: 4.5 to 1 for text, 3 to 1 for lines of charts."""
    blocks = re.findall(r":root \{(.*?)\}", asset("page.css"), re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})\b", blocks[scheme]))
    for ground in ("ground", "surface"):
        for ink in ("ink", "soft", "accent", "good", "warn", "bad"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["second"], colours[ground]) >= 3
