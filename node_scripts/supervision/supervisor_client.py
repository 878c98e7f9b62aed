"""XML-RPC to a supervisord over its unix socket."""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from pathlib import Path
from typing import Any

from node_scripts.supervision.interface import SupervisionError

TIMEOUT_S = 10.0
BAD_NAME = 10
NOT_RUNNING = 70


class SupervisorAwayError(Exception):
    """No supervisord answers on the socket."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, _host: Any) -> http.client.HTTPConnection:
        return _UnixConnection(self._path)


class SupervisorClient:
    """Calls methods of ``supervisor.*``."""

    def __init__(self, path: Path) -> None:
        """Talk to the socket ``path``; nothing is opened yet."""
        self._path = path

    def call(self, method: str, *arguments: Any) -> Any:
        """Call ``supervisor.<method>``.

        Raises SupervisorAwayError when nobody answers, xmlrpc.client.Fault when the call is refused
        and SupervisionError when the answer is not XML-RPC.
        """
        transport = _UnixTransport(str(self._path))
        request = xmlrpc.client.dumps(arguments, f"supervisor.{method}").encode()
        try:
            (value,) = transport.request("localhost", "/RPC2", request)
        except (OSError, http.client.HTTPException) as error:
            raise SupervisorAwayError(str(error)) from error
        except xmlrpc.client.ProtocolError as error:
            raise SupervisionError(f"supervisord answered {error.errcode} {error.errmsg}") from error
        finally:
            transport.close()
        return value

    def answers(self) -> bool:
        """Say whether a supervisord answers that is not about to end."""
        try:
            return bool(self.call("getState")["statename"] == "RUNNING")
        except (SupervisorAwayError, xmlrpc.client.Fault):
            return False
