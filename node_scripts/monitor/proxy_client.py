"""The monitor's side of the proxy's control socket."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import msgspec

from node_scripts.agent.unix_http import UnixConnection
from node_scripts.contracts import ProxyStatus

TIMEOUT_S = 1.5
_OK = 200


class ProxyClient:
    """Asks the node's proxy how it is and tells it what was raised. No method raises."""

    def __init__(self, socket: Path, timeout_s: float = TIMEOUT_S) -> None:
        """Connect anew for each request: the proxy behind the socket changes at upgrades."""
        self._socket = str(socket)
        self._timeout_s = timeout_s
        self._decoder = msgspec.json.Decoder(ProxyStatus)
        self.error = ""
        """Why there is no status; empty while there is one."""

    def status(self) -> ProxyStatus | None:
        """Return the proxy's status; ``None`` while it does not answer."""
        try:
            status, content = self._request("GET", "/control/status")
            if status != _OK:
                raise ValueError(f"HTTP {status}")  # noqa: TRY301 -- one place says what went wrong
            found = self._decoder.decode(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.error = f"{type(error).__name__}: {error}"
            return None
        self.error = ""
        return found

    def raise_nodes(self, nodes: list[str]) -> bool:
        """Let peers know for which nodes an alert was raised; say whether the proxy took it."""
        try:
            return self._request("PUT", "/control/raised", json.dumps(nodes).encode())[0] == _OK
        except (OSError, http.client.HTTPException):
            return False

    def _request(self, method: str, target: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = UnixConnection(self._socket, self._timeout_s)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
