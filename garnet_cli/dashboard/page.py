"""The page as one HTML file: style, script and data inside, nothing fetched from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
from importlib import resources

import msgspec

from garnet_cli.dashboard.page_data import PageData

SCRIPTS = ("words.js", "charts.js", "tables.js", "page.js")


def data_json(data: PageData) -> bytes:
    """Return `data.json`: what the page was made of."""
    return msgspec.json.encode(data)


def page_html(data: PageData) -> str:
    """Return the whole page.

    Data lie in a block that is not run, escaped so that none of it can end the block; the script writes
    names as text only. The policy names the digest of the one style and the one script.
    """
    style, script = asset("page.css"), "\n".join(asset(name) for name in SCRIPTS)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    parts = {
        "POLICY": policy,
        "TITLE": html.escape(f"{data.fleet} · Garnet"),
        "FLEET": html.escape(data.fleet),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": _inert(data_json(data).decode()),
    }
    page: list[str] = []
    for number, piece in enumerate(asset("page.html").split("@@")):
        page.append(parts[piece] if number % 2 else piece)
    return "".join(page)


def asset(name: str) -> str:
    """Return one of the files that a page is put together from."""
    return (resources.files("garnet_cli.dashboard") / "assets" / name).read_text(encoding="utf-8")


def _inert(text: str) -> str:
    """Return JSON without the characters by which HTML could take it for markup."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
