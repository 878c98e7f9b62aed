"""The page on loopback: two paths, its own name only, and the store read seldom."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from garnet_cli.dashboard.page_data import PageData
from garnet_cli.dashboard.serve import dashboard_server
from garnet_cli.errors import UnreachableError
from tests.garnet_cli.dashboard.pages import fleet, made_of

NOTED: list[str] = []


@contextmanager
def serving(build: Callable[[], PageData]) -> Iterator[Callable[..., tuple[int, str, bytes]]]:
    """Serve and yield a way to ask: status, content type and body."""
    NOTED.clear()
    server = dashboard_server(build, 0, NOTED.append)
    port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def ask(path: str, host: str = "") -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()
        finally:
            connection.close()

    try:
        assert server.server_address[0] == "127.0.0.1"
        yield ask
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_page_and_data_come_from_one_reading_of_the_store() -> None:
    """However many ask."""
    built = 0

    def build() -> PageData:
        nonlocal built
        built += 1
        return made_of([], fleet(), refresh_s=30)

    with serving(build) as ask:
        status, kind, page = ask("/")
        assert (status, kind) == (200, "text/html; charset=utf-8")
        assert b"<title>office" in page
        status, kind, data = ask("/data.json?x=1")
        assert (status, kind) == (200, "application/json")
        assert json.loads(data)["refresh_s"] == 30
    assert built == 1


def test_other_paths_and_other_names_are_refused() -> None:
    """A page of another name that resolves to loopback cannot read the figures."""
    with serving(lambda: made_of([], fleet())) as ask:
        assert ask("/../etc/passwd")[0] == 404
        assert ask("/data.json", "evil.example.com")[0] == 403
        assert ask("/data.json", "localhost:1")[0] == 200


def test_a_store_that_is_away_is_said_and_the_server_stays() -> None:
    """One line to the operator, the same to the page."""
    fail = True

    def build() -> PageData:
        if fail:
            raise UnreachableError("store s3/x does not answer")
        return made_of([], fleet())

    with serving(build) as ask:
        assert ask("/data.json")[0] == 502
        assert NOTED == ["store s3/x does not answer"]
        fail = False
        assert ask("/data.json")[0] == 200
