"""Serve the page on loopback: `/` and the `data.json` that it asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from garnet_cli.dashboard.page import data_json, page_html
from garnet_cli.dashboard.page_data import PageData
from garnet_cli.errors import GarnetError

LOOPBACK = "127.0.0.1"
KEEP_S = 20.0
"""The store is read at most this often, however many pages are open."""

OWN_NAMES = (LOOPBACK, "localhost")
"""A page of another name that resolves to loopback may not read the figures."""


class Latest:
    """The document, built anew once it is older than ``keep_s``. For several threads."""

    def __init__(self, build: Callable[[], PageData], keep_s: float) -> None:
        """Build nothing yet."""
        self._keep_s = keep_s
        self._build = build
        self._lock = threading.Lock()
        self._data: PageData | None = None
        self._at = 0.0

    def get(self) -> PageData:
        """Return the document; raises what building it raised."""
        with self._lock:
            if self._data is None or time.monotonic() - self._at > self._keep_s:
                self._data = self._build()
                self._at = time.monotonic()
            return self._data


def dashboard_server(
    build: Callable[[], PageData], port: int, note: Callable[[str], None], keep_s: float = KEEP_S
) -> ThreadingHTTPServer:
    """Return a server on loopback that is not running yet; port 0 takes a free one.

    ``note`` hears why the store could not be read. Raises OSError where the port is taken.
    """
    latest = Latest(build, keep_s)

    class Handler(BaseHTTPRequestHandler):
        """Answers two paths."""

        server_version = "garnet"
        sys_version = ""

        def do_GET(self) -> None:
            """Answer the page or its data."""
            if self.headers.get("Host", "").rsplit(":", 1)[0] not in OWN_NAMES:
                self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"open it as http://localhost\n")
                return
            path = self.path.partition("?")[0]
            if path not in ("/", "/index.html", "/data.json"):
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"no such page\n")
                return
            try:
                data = latest.get()
            except GarnetError as error:
                note(str(error))
                self._answer(HTTPStatus.BAD_GATEWAY, "text/plain; charset=utf-8", f"{error}\n".encode())
                return
            if path == "/data.json":
                self._answer(HTTPStatus.OK, "application/json", data_json(data))
            else:
                self._answer(HTTPStatus.OK, "text/html; charset=utf-8", page_html(data).encode())

        def log_message(self, *arguments: Any) -> None:
            """Say nothing of every request."""

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer((LOOPBACK, port), Handler)
