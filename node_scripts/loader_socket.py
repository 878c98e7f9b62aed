"""A loader's two unix sockets: mlx_lm's HTTP server on one, its figures on the other."""

from __future__ import annotations

import dataclasses
import http.server
import json
import logging
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from node_scripts.loader_stats import LoaderStats
from node_scripts.socket_path import MAX_SOCKET_PATH_BYTES

LOG = logging.getLogger("garnet.loader")

BACKLOG = 512
STATS_TIMEOUT_S = 2.0


def bind_private(path: Path) -> socket.socket:
    """Return a unix stream socket bound to ``path`` with mode 0600, in place of a stale one.

    Raises ``ValueError`` if the path is too long for a socket or names something else, ``OSError``
    if it cannot be bound.
    """
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise ValueError(f"{path} is longer than the {MAX_SOCKET_PATH_BYTES} bytes of a socket's path")
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ValueError(f"{path} is in the way and is no socket")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def listen_on_unix_socket(path: Path) -> None:
    """Make every ThreadingHTTPServer of this process listen on ``path`` instead of TCP.

    mlx_lm holds the class as a default argument, so the class itself is changed, not the name.
    """

    def server_bind(self: Any) -> None:
        self.socket.close()
        self.socket = bind_private(path)
        self.server_address = (str(path), 0)
        self.server_name, self.server_port = "loader", 0

    def get_request(self: Any) -> tuple[socket.socket, tuple[str, int]]:
        connection, _ = self.socket.accept()
        # Handlers take the client's host from here; a unix socket has none.
        return connection, ("local", 0)

    def handle_error(_self: Any, _request: Any, _address: Any) -> None:
        error = sys.exception()
        # A client that goes away is no error; anything else is told without a request's content.
        if not isinstance(error, (ConnectionError, TimeoutError)):
            LOG.error("a connection failed", exc_info=error)

    server: Any = http.server.ThreadingHTTPServer
    server.server_bind = server_bind
    server.get_request = get_request
    server.handle_error = handle_error
    server.request_queue_size = BACKLOG
    server.daemon_threads = True
    server.block_on_close = False


def serve_stats(path: Path, snapshot: Callable[[], LoaderStats]) -> None:
    """Answer each connection on ``path`` with one snapshot in JSON, from a daemon thread."""
    listener = bind_private(path)
    listener.listen(BACKLOG)

    def answer() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(STATS_TIMEOUT_S)
                try:
                    connection.sendall(json.dumps(dataclasses.asdict(snapshot())).encode())
                except OSError as error:
                    LOG.debug("a reader of the figures went away: %s", error)

    threading.Thread(target=answer, name="stats", daemon=True).start()
