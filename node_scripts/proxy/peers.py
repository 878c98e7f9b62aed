"""The other nodes: what their heartbeats say, and the connections to them that are kept."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec

from node_scripts.contracts import (
    HEARTBEAT_PATH,
    PEER_HEADER,
    Heartbeat,
    HeartbeatModel,
    PeerConfig,
    PeerStatus,
)
from node_scripts.proxy.call import Call
from node_scripts.proxy.identity import sign_peer
from node_scripts.proxy.loaders import first_line
from node_scripts.proxy.poison import number_of_new_death
from node_scripts.proxy.routing import PeerView
from node_scripts.proxy.wire import (
    Connection,
    CutError,
    RefusedError,
    StalledError,
    WireError,
    connect_tcp,
    request_head,
)

HEARTBEAT_INTERVAL_S = 1.0
HEARTBEAT_TIMEOUT_S = 1.0
MISSED_TO_UNREACHABLE = 3
CONNECT_TIMEOUT_S = 2.0
KEPT_CONNECTIONS = 64
IDLE_CONNECTION_S = 30.0
"""Kept connections are dropped well before the far end would close them (75 s)."""

_LOG = logging.getLogger("garnet.proxy.peers")
_decoder = msgspec.json.Decoder(Heartbeat)


class Peer:
    """One other node."""

    def __init__(self, config: PeerConfig, node: str, secret: bytes, on_change: Callable[[], None]) -> None:
        """Know a peer; ``on_change`` is called when its heartbeat brings something new."""
        self.config = config
        self._node = node
        self._secret = secret
        self._on_change = on_change
        self._idle: list[tuple[float, Connection]] = []
        self._missed = 0
        self._heard: float | None = None
        self.reachable = False
        self.models: dict[str, HeartbeatModel] = {}
        self._sent: dict[str, int] = {}
        self._failed: set[str] = set()
        self._full: set[str] = set()
        self._deaths: dict[str, int] = {}
        self.calls: dict[Call, Connection | None] = {}
        self.last_error: str | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.config.name

    def signs_with(self, secret: bytes | None, node: str) -> bool:
        """Say whether it is still asked in this name with this secret."""
        return self._secret == secret and self._node == node

    # --- what it can take -------------------------------------------------------------------

    def view(self, call: Call, queue_limit: int) -> PeerView | None:
        """Return it as ``call`` sees it; ``None`` if it is unreachable or has no such model."""
        model = self.models.get(call.parsed.model)
        if model is None or not self.reachable:
            return None
        concurrency = max(1, model.concurrency)
        room = 1 + queue_limit / concurrency
        load = (model.in_flight + model.queued + self._sent.get(model.model, 0)) / concurrency
        return PeerView(
            name=self.name,
            ready=model.ready and model.model not in self._failed,
            load=room if model.model in self._full else load,
            room=room,
            tried=self.name in call.tried,
        )

    def take(self, call: Call) -> None:
        """Count a request sent there since its last heartbeat."""
        self.calls[call] = None
        self._sent[call.parsed.model] = self._sent.get(call.parsed.model, 0) + 1

    def release(self, call: Call) -> None:
        """Count a request that ended since its last heartbeat."""
        self.calls.pop(call, None)
        self._sent[call.parsed.model] = self._sent.get(call.parsed.model, 0) - 1

    def note_failed(self, call: Call, reason: str) -> None:
        """Send it no request of that model until its next heartbeat says that it is ready."""
        self._failed.add(call.parsed.model)
        self.last_error = reason

    def note_died(self, call: Call) -> int:
        """Return the number of its loader's death, the same one until a heartbeat says that it is ready."""
        return self._deaths.setdefault(call.parsed.model, number_of_new_death())

    def note_full(self, call: Call) -> None:
        """Count it as full, queue included, until its next heartbeat."""
        self._full.add(call.parsed.model)

    def note_unreachable(self, reason: str) -> None:
        """Route around it until its next heartbeat."""
        if self.reachable:
            _LOG.warning("peer %s is unreachable: %s", self.name, reason)
        self.reachable = False
        self.last_error = reason
        self._end_silent()

    def _end_silent(self) -> None:
        """End the answers on which nothing came for as long as heartbeats were missed."""
        oldest = asyncio.get_running_loop().time() - MISSED_TO_UNREACHABLE * HEARTBEAT_INTERVAL_S
        for connection in list(self.calls.values()):
            if connection is not None and connection.last_byte <= oldest:
                connection.fail(CutError("the peer is unreachable"))

    def end_stalled(self, first_byte_timeout_s: float, stall_timeout_s: float) -> None:
        """End the answers that are silent for longer than they may be."""
        now = asyncio.get_running_loop().time()
        for call, connection in list(self.calls.items()):
            if connection is None or not call.parsed.loader_stream:
                continue
            allowed = stall_timeout_s if connection.answered else first_byte_timeout_s
            if now - connection.last_byte >= allowed:
                connection.fail(StalledError("no byte for too long"))

    def status(self, now: float) -> PeerStatus:
        """Return the record for the control socket."""
        return PeerStatus(
            name=self.name,
            reachable=self.reachable,
            age_s=None if self._heard is None else round(now - self._heard, 3),
            models=sorted(name for name, model in self.models.items() if model.ready and self.reachable),
            last_error=self.last_error,
        )

    # --- sending ----------------------------------------------------------------------------

    async def send(
        self, method: str, path: str, body: bytes, headers: dict[str, str], call: Call | None = None
    ) -> Connection:
        """Send one signed request over a kept connection or a new one, watched as ``call``'s.

        A kept connection that turns out to be closed before a byte came back is replaced by a new
        one. Raises RefusedError or CutError.
        """
        head = request_head(
            method,
            path,
            {
                "host": f"{self.config.host}:{self.config.port}",
                PEER_HEADER: sign_peer(self._secret, self._node, time.time(), method, path, body),
                **headers,
            },
            len(body),
            version="1.1",
        )
        kept = self._kept()
        if kept is not None:
            try:
                kept.begin(head, body)
                self._watch(call, kept)
                await kept.head()
            except CutError:
                if kept.answered:
                    raise
            except BaseException:
                kept.close()
                raise
            else:
                return kept
        fresh = await connect_tcp(self.config.host, self.config.port, CONNECT_TIMEOUT_S)
        fresh.begin(head, body)
        self._watch(call, fresh)
        return fresh

    def _watch(self, call: Call | None, connection: Connection) -> None:
        if call is not None:
            self.calls[call] = connection

    def keep(self, connection: Connection) -> None:
        """Take a connection back after an exchange: keep it if it can be used again, else close it."""
        if connection.reusable and len(self._idle) < KEPT_CONNECTIONS:
            self._idle.append((asyncio.get_running_loop().time(), connection))
        else:
            connection.close()

    def _kept(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - IDLE_CONNECTION_S
        while self._idle:
            since, connection = self._idle.pop()
            if since > oldest and connection.reusable:
                return connection
            connection.close()
        return None

    # --- heartbeats -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to pull heartbeats."""
        self._task = asyncio.get_running_loop().create_task(self._pull_forever(), name=f"peer {self.name}")

    async def stop(self) -> None:
        """Stop pulling and close what is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for _, connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _pull_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self.pull()
            await asyncio.sleep(max(0.05, HEARTBEAT_INTERVAL_S - (loop.time() - began)))

    async def pull(self) -> None:
        """Ask for one heartbeat and note the answer, or that there was none."""
        try:
            async with asyncio.timeout(HEARTBEAT_TIMEOUT_S):
                heartbeat = await self._heartbeat()
        except RefusedError as error:
            self._missed = MISSED_TO_UNREACHABLE
            self.note_unreachable(first_line(error))
            return
        except (WireError, TimeoutError, msgspec.DecodeError) as error:
            self._missed += 1
            self.last_error = first_line(error)
            if self._missed >= MISSED_TO_UNREACHABLE:
                self.note_unreachable(f"{self._missed} heartbeats missed: {self.last_error}")
            return
        if not self.reachable:
            _LOG.info("peer %s is reachable", self.name)
        self._missed = 0
        self._heard = asyncio.get_running_loop().time()
        self.reachable = True
        self.models = {model.model: model for model in heartbeat.models}
        for model in heartbeat.models:
            if model.ready:
                self._deaths.pop(model.model, None)
        self._sent.clear()
        self._failed.clear()
        self._full.clear()
        self._on_change()

    async def _heartbeat(self) -> Heartbeat:
        connection = await self.send("GET", HEARTBEAT_PATH, b"", {})
        try:
            status = await connection.head()
            content = await connection.whole()
        except BaseException:
            connection.close()
            raise
        self.keep(connection)
        if status != 200:  # noqa: PLR2004 -- OK
            raise WireError(f"heartbeat answered {status}")
        heartbeat = _decoder.decode(content)
        if heartbeat.node != self.name:
            raise WireError(f"another node answers there: {heartbeat.node}")
        return heartbeat
