"""HTTP over a unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a socket file."""

    def __init__(self, path: str, timeout_s: float) -> None:
        """Connect to ``path`` at the first request."""
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket. Raises ``OSError``."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


def request_json(path: str, method: str, target: str, body: Any, timeout_s: float) -> tuple[int, Any]:
    """Send one request and return the status and the decoded body (text where it is not JSON).

    Raises ``OSError`` or ``http.client.HTTPException`` when there is no complete answer.
    """
    connection = UnixConnection(path, timeout_s)
    try:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data is not None else {}
        connection.request(method, target, body=data, headers=headers)
        response = connection.getresponse()
        content = response.read()
        status = response.status
    finally:
        connection.close()
    try:
        return status, json.loads(content) if content else None
    except ValueError:
        return status, content.decode(errors="replace")
