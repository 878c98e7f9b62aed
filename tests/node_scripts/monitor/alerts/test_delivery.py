"""Messages reach real servers; failures have an outcome each and never show a URL."""

from __future__ import annotations

import logging
import socket
import time
from dataclasses import replace

import pytest

from node_scripts.monitor.alerts.delivery import deliver, deliver_to_each, urls_of
from node_scripts.monitor.alerts.messages import Item, Message, trial
from tests.node_scripts.monitor.alerts.receivers import http_receiver, smtp_receiver
from tests.node_scripts.monitor.alerts.test_messages import ALERT, message_of

TOKEN = "s3cr3t-t0ken"


def message(count: int = 1) -> Message:
    """Return a message of ``count`` alerts."""
    alerts = [replace(ALERT, node=f"mini-{number}") for number in range(1, count + 1)]
    return message_of(*(Item(kind="firing", alert=alert) for alert in alerts))


def test_webhook_receives_title_and_text() -> None:
    """``json://`` is a plain HTTP POST."""
    with http_receiver() as received:
        assert deliver(message(), [f"json://127.0.0.1:{received.port}/{TOKEN}"])
    [document] = received.documents
    assert document["title"] == "FIRING: mini-1 throttles while it has work"
    assert "6.2 %, threshold > 5 %" in document["message"]
    assert "**" not in document["message"]


def test_mail_reaches_a_mailbox() -> None:
    """``mailto://`` speaks SMTP."""
    with smtp_receiver() as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}?to=ops@example.com&from=garnet@example.com&mode=insecure"
        [outcome] = deliver_to_each(message(), [url])
    assert (outcome.ok, outcome.why) == (True, "")
    [mail] = mailbox.mails
    assert mail["Subject"] == "FIRING: mini-1 throttles while it has work"
    assert mail["To"] == "ops@example.com"
    text = mail.get_body(("html", "plain"))
    assert text is not None
    assert "likely cause" in text.get_content()


def test_refused_mail_is_a_failure() -> None:
    """The server does not know the mailbox."""
    with smtp_receiver(refuse=True) as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}?to=ops@example.com&from=garnet@example.com&mode=insecure"
        assert not deliver(message(), [url])


def test_discord_receives_parts_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 characters each, cut between lines, in order, with nothing lost; markdown, no foreign picture."""
    plugin = pytest.importorskip("apprise.plugins.discord")
    with http_receiver(status=204) as received:
        monkeypatch.setattr(
            plugin.NotifyDiscord, "notify_url", f"http://127.0.0.1:{received.port}/api/webhooks"
        )
        [outcome] = deliver_to_each(message(40), [f"discord://1234567890/{TOKEN}"])
    assert (outcome.service, outcome.ok) == ("Discord", True)
    texts = [str(document) for document in received.documents]
    assert len(texts) > 3
    whole = [part for document in received.documents for part in _texts_of(document)]
    assert all(len(part) <= 2000 for part in whole)
    joined = "\n".join(whole)
    assert [f"mini-{number} throttles" in joined for number in range(1, 41)] == [True] * 40
    assert "**FIRING**" in joined
    assert "http" not in joined
    assert not any("avatar_url" in document for document in received.documents)


def _texts_of(document: dict[str, object]) -> list[str]:
    found = [str(document.get("content", ""))]
    embeds = document.get("embeds", [])
    assert isinstance(embeds, list)
    for embed in embeds:
        fields = "\n".join(f"{each['name']}\n{each['value']}" for each in embed.get("fields", []))
        found.append("\n".join(str(embed.get(key, "")) for key in ("title", "description")) + fields)
    return [text for text in found if text]


def test_every_url_has_an_outcome_of_its_own() -> None:
    """One that fails takes none of the others with it, and one delivery is enough to have told."""
    with http_receiver() as good, http_receiver(status=401) as refusing:
        urls = [
            f"json://127.0.0.1:{refusing.port}/{TOKEN}",
            f"json://127.0.0.1:{good.port}/{TOKEN}",
            f"nonsense://{TOKEN}",
        ]
        outcomes = deliver_to_each(message(), urls)
        assert deliver(message(), urls)
    assert [(outcome.number, outcome.ok, outcome.why) for outcome in outcomes] == [
        (1, False, "it answered HTTP 401"),
        (2, True, ""),
        (3, False, "apprise does not know this kind of URL"),
    ]


class Kept(logging.Handler):
    """Keeps every line that reaches the root logger."""

    def __init__(self) -> None:
        """Keep none yet."""
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(record.getMessage())


def test_nothing_of_a_url_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """URLs hold tokens: not in an outcome, not in a log of any level, not on a stream."""
    root, kept = logging.getLogger(), Kept()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        with socket.socket() as closed, http_receiver() as good:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            urls = [
                f"json://user:{TOKEN}@127.0.0.1:{port}/{TOKEN}",
                f"json://127.0.0.1:{good.port}/{TOKEN}",
                f"nonsense://{TOKEN}",
                f"mailto://user:{TOKEN}@127.0.0.1:{port}?to=a@example.com&from=b@example.com&mode=insecure",
            ]
            outcomes = deliver_to_each(message(), urls, timeout_s=2.0)
    finally:
        root.removeHandler(kept)
        root.setLevel(level)
    assert [outcome.ok for outcome in outcomes] == [False, True, False, False]
    streams = capfd.readouterr()
    assert kept.lines == []
    for text in (str(outcomes), streams.out, streams.err):
        assert TOKEN not in text


def test_server_that_does_not_answer_holds_up_for_the_timeout_only() -> None:
    """And the others not at all."""
    with http_receiver(silent=True) as silent, http_receiver() as good:
        urls = [f"json://127.0.0.1:{silent.port}/", f"json://127.0.0.1:{good.port}/"]
        begin = time.monotonic()
        outcomes = deliver_to_each(message(), urls, timeout_s=0.5)
        took_s = time.monotonic() - begin
    assert [outcome.ok for outcome in outcomes] == [False, True]
    assert took_s < 10


def test_route_without_urls_has_nobody_to_tell() -> None:
    """Which is no failure: nothing would ever end."""
    assert deliver(message(), [])
    assert deliver_to_each(message(), []) == []


def test_thermal_falls_back_to_the_alerts_route() -> None:
    """Until it has URLs of its own; the monthly route does not."""
    both = {"GARNET_ROUTE_ALERTS": "json://a json://b", "GARNET_ROUTE_THERMAL": "json://c"}
    assert urls_of("alerts", both) == ["json://a", "json://b"]
    assert urls_of("thermal", both) == ["json://c"]
    assert urls_of("thermal", {"GARNET_ROUTE_ALERTS": "json://a"}) == ["json://a"]
    assert urls_of("monthly", both) == []


def test_trial_is_marked_as_one() -> None:
    """Nobody gets up at night for it."""
    with http_receiver() as received:
        assert deliver(trial("rack", "mini-1", "alerts", 0), [f"json://127.0.0.1:{received.port}/"])
    [document] = received.documents
    assert document["title"].startswith("TEST")
    assert "nothing is wrong" in document["message"]
