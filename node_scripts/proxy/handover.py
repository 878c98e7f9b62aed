"""A new proxy takes the listening sockets over from the old one: no connection is refused.

Over ``run/proxy.handover`` (mode 0600): the new one connects, the old one sends its two listening
sockets, public and control. Once the new one accepts on them it says ``go``; the old one then stops
accepting, answers ``ok``, drains and exits. If either dies half way, the other goes on serving.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from node_scripts.proxy.listeners import bind_unix

HANDOVER_TIMEOUT_S = 5.0
_HELLO = b"garnet-handover-1"
_GO = b"go"
_OK = b"ok"
_SOCKETS = 2

_LOG = logging.getLogger("garnet.proxy.handover")


class Inheritance:
    """What a new proxy was given, and the line to the old one."""

    def __init__(self, line: socket.socket, public: socket.socket, control: socket.socket) -> None:
        """Keep the sockets; the old proxy accepts on them too until ``accepted`` is called."""
        self._line = line
        self.public = public
        self.control = control

    def accepted(self) -> None:
        """Tell the old proxy to stop accepting, and wait until it has. Raises OSError."""
        with self._line:
            self._line.sendall(_GO)
            if self._line.recv(len(_OK)) != _OK:
                raise OSError("the old proxy did not confirm the handover")

    def give_up(self) -> None:
        """Let the old proxy go on."""
        for held in (self._line, self.public, self.control):
            held.close()


def ask(path: Path) -> Inheritance | None:
    """Ask the proxy that listens on ``path`` for its sockets; ``None`` if there is none."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(HANDOVER_TIMEOUT_S)
    received: list[int] = []
    try:
        line.connect(str(path))
        hello, received, _, _ = socket.recv_fds(line, len(_HELLO), _SOCKETS)
        if hello != _HELLO or len(received) != _SOCKETS:
            raise OSError("no handover")  # noqa: TRY301 -- closed below like every other failure
    except OSError:
        line.close()
        for descriptor in received:
            socket.socket(fileno=descriptor).close()
        return None
    public, control = (socket.socket(fileno=descriptor) for descriptor in received)
    for listening in (public, control):
        listening.setblocking(False)
    return Inheritance(line, public, control)


class HandoverPoint:
    """The old proxy's side."""

    def __init__(
        self,
        path: Path,
        sockets: Callable[[], tuple[socket.socket, socket.socket]],
        handed_over: Callable[[], None],
    ) -> None:
        """Offer ``sockets()``; ``handed_over`` stops accepting, and is called once."""
        self._path = path
        self._sockets = sockets
        self._handed_over = handed_over
        self._listener: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to listen for a successor. Raises AnotherProxyError and OSError."""
        self._listener = bind_unix(self._path)
        self._task = asyncio.get_running_loop().create_task(self._serve(self._listener), name="handover")

    async def close(self, *, remove: bool) -> None:
        """Stop listening; ``remove`` the socket file unless it is a successor's by now."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
            if remove:
                self._path.unlink(missing_ok=True)

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            line, _ = await loop.sock_accept(listener)
            with line:
                if await self._offer(line):
                    listener.close()
                    self._path.unlink(missing_ok=True)
                    self._handed_over()
                    with suppress(OSError):  # a successor that is gone by now was accepting already
                        await loop.sock_sendall(line, _OK)
                    return

    async def _offer(self, line: socket.socket) -> bool:
        """Send the sockets; say whether the successor has begun to accept."""
        line.setblocking(False)
        try:
            async with asyncio.timeout(HANDOVER_TIMEOUT_S):
                socket.send_fds(line, [_HELLO], [held.fileno() for held in self._sockets()])
                return await asyncio.get_running_loop().sock_recv(line, len(_GO)) == _GO
        except (OSError, TimeoutError) as error:
            _LOG.warning("handover failed: %s", type(error).__name__)
            return False
