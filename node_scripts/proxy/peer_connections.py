"""Signed requests to one peer, over connections that are kept between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from node_scripts.contracts import PEER_HEADER, PeerConfig
from node_scripts.proxy.identity import SUSPECT_HEADER, sign_peer
from node_scripts.proxy.wire import Connection, CutError, UnreachableError, connect_tcp, request_head

CONNECT_TIMEOUT_S = 2.0
KEPT_CONNECTIONS = 64
IDLE_CONNECTION_S = 30.0
"""Kept connections are dropped well before the far end would close them (75 s)."""


class PeerConnections:
    """The connections to one peer."""

    def __init__(self, config: PeerConfig, node: str, secret: bytes) -> None:
        """Connect where ``config`` says and sign as ``node``."""
        self._config = config
        self._node = node
        self._secret = secret
        self._idle: list[tuple[float, Connection]] = []

    def sign_with(self, secret: bytes | None, node: str) -> bool:
        """Say whether requests are signed in this name with this secret."""
        return self._secret == secret and self._node == node

    async def send(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        watch: Callable[[Connection], None],
    ) -> Connection:
        """Send one request over a kept connection or a new one; ``watch`` is told which.

        A kept connection that turns out to be closed before a byte came back is replaced by a new
        one, unless it ended because the peer is unreachable. Raises RefusedError or CutError.
        """
        head = request_head(
            method,
            path,
            {
                "host": f"{self._config.host}:{self._config.port}",
                PEER_HEADER: sign_peer(
                    self._secret,
                    self._node,
                    self._config.name,
                    time.time(),
                    method,
                    path,
                    body,
                    suspect=SUSPECT_HEADER in headers,
                ),
                **headers,
            },
            len(body),
            version="1.1",
        )
        kept = self._kept()
        if kept is not None:
            try:
                kept.begin(head, body)
                watch(kept)
                await kept.head()
            except CutError as error:
                if kept.answered or isinstance(error, UnreachableError):
                    raise
            except BaseException:
                kept.close()
                raise
            else:
                return kept
        fresh = await connect_tcp(self._config.host, self._config.port, CONNECT_TIMEOUT_S)
        fresh.begin(head, body)
        watch(fresh)
        return fresh

    def keep(self, connection: Connection) -> None:
        """Take a connection back after an exchange: keep it if it can be used again, else close it."""
        if connection.reusable and len(self._idle) < KEPT_CONNECTIONS:
            self._idle.append((asyncio.get_running_loop().time(), connection))
        else:
            connection.close()

    def close(self) -> None:
        """Close what is kept."""
        for _, connection in self._idle:
            connection.close()
        self._idle.clear()

    def _kept(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - IDLE_CONNECTION_S
        while self._idle:
            since, connection = self._idle.pop()
            if since > oldest and connection.reusable:
                return connection
            connection.close()
        return None
