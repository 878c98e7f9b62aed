"""Listening sockets and the server behind them: uvicorn's protocol, with a life of our own.

uvicorn's own ``Server`` binds once, wakes ten times a second and stops within a tick or two. The
proxy rebinds while it runs, hands its sockets to its successor and stops when its last answer has
ended; so it uses uvicorn's HTTP protocol, and opens and closes the sockets itself.
"""

from __future__ import annotations

import asyncio
import os
import socket
from email.utils import formatdate
from pathlib import Path
from typing import Protocol

from uvicorn.config import Config

from node_scripts.proxy.departure import ListenerState, WatchedProtocol
from node_scripts.proxy.replies import Receive, Scope, Send

BACKLOG = 1024
KEEP_ALIVE_S = 75


IDLE_GRACE_S = 6.0
"""How long a connection without a request may still bring one after a successor took over. Longer
than the 5 s for which httpx, and with it the OpenAI client, keeps an idle connection for reuse."""

IDLE_POLL_S = 0.05


class AnotherProxyError(Exception):
    """Another live proxy answers on this root's control socket."""


def bind_tcp(host: str, port: int) -> socket.socket:
    """Bind and listen. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def answers(path: Path) -> bool:
    """Say whether somebody listens on the unix socket ``path``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except TimeoutError:
            return True
    return True


def bind_unix(path: Path) -> socket.socket:
    """Bind and listen with mode 0600; replace the file of a proxy that is gone.

    Raises AnotherProxyError if somebody answers there, and OSError.
    """
    if answers(path):
        raise AnotherProxyError(f"another proxy answers on {path}")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(previous)
    return listener


def address_of(listener: socket.socket) -> str:
    """Return ``host:port`` of a TCP listener."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Application(Protocol):
    """An ASGI application that says how long its clients may take nothing."""

    @property
    def write_timeout_s(self) -> float:
        """Seconds without a byte taken after which a client is sent away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""


class Listener:
    """One listening socket and the connections that came in through it."""

    def __init__(self, application: Application, listening: socket.socket) -> None:
        """Serve ``application`` on a socket that listens already."""
        self.socket = listening
        self._application = application
        self._config = Config(
            application,
            http=WatchedProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self._state = ListenerState()
        self._server: asyncio.Server | None = None
        self._clock: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to accept."""
        self._config.load()
        loop = asyncio.get_running_loop()
        self._tell_time()
        self._clock = loop.create_task(self._tick(), name="date header")
        await self._accept()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, sock=self.socket, backlog=BACKLOG)

    def _protocol(self) -> WatchedProtocol:
        return WatchedProtocol(config=self._config, server_state=self._state, app_state={})

    async def rebind(self, listening: socket.socket) -> None:
        """Accept on another socket from now on; connections that are open stay."""
        self.close()
        self.socket = listening
        await self._accept()

    def close(self) -> None:
        """Stop accepting."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.socket.close()

    def leave(self) -> None:
        """Stop accepting for good; every connection ends with the answer that it waits for or gets next."""
        self.close()
        self._state.leaving = True
        for connection in self._state.connections:
            if isinstance(connection, WatchedProtocol):
                connection.leave()

    async def drain(self, deadline: float, idle_grace_s: float = 0.0) -> int:
        """Let the open connections end, until ``deadline`` on the loop's clock.

        Call ``leave`` before. Those without a request may still bring one within ``idle_grace_s``: a
        client that had connected, or was about to reuse its connection, when the sockets changed hands
        has done nothing wrong. Returns how many answers were cut off.
        """
        loop = asyncio.get_running_loop()
        grace_ends = min(deadline, loop.time() + idle_grace_s)
        while self._state.connections and loop.time() < grace_ends:  # noqa: ASYNC110 -- untold
            await asyncio.sleep(IDLE_POLL_S)
        for connection in list(self._state.connections):
            connection.shutdown()
        while self._state.tasks and (left := deadline - loop.time()) > 0:
            await asyncio.wait(self._state.tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        cut = list(self._state.tasks)
        for task in cut:
            task.cancel()
        if cut:
            await asyncio.wait(cut, timeout=1.0)
        for connection in list(self._state.connections):
            connection.transport.close()
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        await asyncio.sleep(0)
        return len(cut)

    def _tell_time(self) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._tell_time()
            self._end_stuck()

    def _end_stuck(self) -> None:
        limit_s = self._application.write_timeout_s
        for connection in list(self._state.connections):
            if isinstance(connection, WatchedProtocol):
                connection.end_untaken(limit_s)
                connection.end_unasked()
