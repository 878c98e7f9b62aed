"""Deliver messages by apprise: one object a URL, so that each has its own outcome, side by side.

URLs hold tokens: no outcome, log or error shows one. Of apprise's own log lines only the HTTP status is
taken.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from node_scripts.monitor.alerts.messages import Message, body, split, title
from node_scripts.monitor.config import route_name

TIMEOUT_S = 10.0
"""For a connection, and between two pieces of an answer."""
TITLE_CHARACTERS = 200
MARGIN_CHARACTERS = 20
"""Left free in each part: services count line ends in their own way."""
LEAST_PART_CHARACTERS = 200
FALLBACK_ROUTE = "alerts"
STATUS = re.compile(r"error\s*=\s*(\d{3})\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """How one URL took a message."""

    number: int
    """Its place among the route's URLs, from 1."""
    service: str
    """Apprise's name of the service, such as ``Discord``; empty if the URL is none of apprise's."""
    ok: bool
    why: str = ""
    """Why not, without anything of the URL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """What goes along with a message."""

    documents: tuple[Path, ...] = ()
    pictures: tuple[Path, ...] = ()


def urls_of(route: str, environment: Mapping[str, str]) -> list[str]:
    """Return a route's URLs; where the thermal one has none of its own, those of the alerts."""
    own = environment.get(route_name(route), "").split()
    if own or route != "thermal":
        return own
    return environment.get(route_name(FALLBACK_ROUTE), "").split()


def deliver(message: Message, urls: Sequence[str]) -> bool:
    """Deliver a message; return whether anybody took it. With no URL there is nobody to tell: True."""
    return not urls or any(outcome.ok for outcome in deliver_to_each(message, urls))


def deliver_to_each(
    message: Message,
    urls: Sequence[str],
    timeout_s: float = TIMEOUT_S,
    *,
    documents: Sequence[Path] = (),
    pictures: Sequence[Path] = (),
) -> list[Delivered]:
    """Deliver a message to every URL, side by side, and return each one's outcome in their order.

    ``documents`` go along wherever a service takes files, ``pictures`` before them in chats only.
    """
    if not urls:
        return []
    _load_apprise()
    files = Files(documents=tuple(documents), pictures=tuple(pictures))
    with ThreadPoolExecutor(max_workers=len(urls), thread_name_prefix="deliver") as pool:
        tasks = [
            pool.submit(_deliver_to, message, number, url, timeout_s, files)
            for number, url in enumerate(urls, 1)
        ]
        return [task.result() for task in tasks]


def _load_apprise() -> None:
    """Import apprise and its services, once; log lines that may show URLs are kept from all logs."""
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the standard library, in its services
        from apprise import Apprise  # noqa: PLC0415 -- takes 300 ms

        Apprise.instantiate("json://127.0.0.1")


def _deliver_to(message: Message, number: int, url: str, timeout_s: float, files: Files) -> Delivered:
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType  # noqa: PLC0415 -- takes 300 ms

    asset = AppriseAsset(app_id="Garnet", app_desc="Garnet", app_url="")
    asset.image_url_mask = asset.image_url_logo = ""  # no picture from elsewhere
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        return Delivered(number=number, service="", ok=False, why="apprise does not know this kind of URL")
    name = str(service.service_name or type(service).__name__.removeprefix("Notify"))
    service.socket_connect_timeout = service.socket_read_timeout = timeout_s
    markdown = _takes_markdown(service, NotifyFormat)
    head = title(message)[:TITLE_CHARACTERS]
    limit = max(LEAST_PART_CHARACTERS, int(service.body_maxlen) - len(head) - MARGIN_CHARACTERS)
    parts = split(body(message, markdown=markdown), limit)
    taken = bool(getattr(service, "attachment_support", False))
    along = [*(files.pictures if markdown else ()), *files.documents] if taken else []
    with _Status() as status:
        for index, part in enumerate(parts):
            counted = f" ({index + 1}/{len(parts)})" if len(parts) > 1 else ""
            ok = service.notify(
                title=head + counted,
                body=part,
                notify_type=NotifyType.WARNING if message.items else NotifyType.INFO,
                body_format=NotifyFormat.MARKDOWN if markdown else NotifyFormat.TEXT,
                attach=[str(path) for path in along] if along and index == len(parts) - 1 else None,
            )
            if not ok:
                part_of = f"part {index + 1} of {len(parts)}: " if len(parts) > 1 else ""
                return Delivered(number=number, service=name, ok=False, why=part_of + status.why)
    return Delivered(number=number, service=name, ok=True)


def _takes_markdown(service: Any, formats: Any) -> bool:
    """Say whether a service shows markdown: chats do; what also takes HTML (mail, webhooks) gets text."""
    taken = service.notify_format
    taken = taken if isinstance(taken, tuple | list | set) else (taken,)
    return formats.MARKDOWN in taken and formats.HTML not in taken


class _Status(logging.Handler):
    """Hears apprise's log lines of this thread for the HTTP status in them, and keeps nothing else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.why = "it did not answer, or refused"

    def __enter__(self) -> Self:
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and (found := STATUS.search(record.getMessage())):
            self.why = f"it answered HTTP {found.group(1)}"
