"""The other nodes: what their heartbeats say, and what is under way to them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec

from node_scripts.contracts import HEARTBEAT_PATH, Heartbeat, HeartbeatModel, PeerConfig, PeerStatus
from node_scripts.proxy.call import Call
from node_scripts.proxy.loaders import first_line
from node_scripts.proxy.peer_connections import PeerConnections
from node_scripts.proxy.poison import number_of_new_death
from node_scripts.proxy.routing import PeerView
from node_scripts.proxy.wire import Connection, RefusedError, StalledError, UnreachableError, WireError

HEARTBEAT_INTERVAL_S = 1.0
HEARTBEAT_TIMEOUT_S = 1.0
MISSED_TO_UNREACHABLE = 3

_LOG = logging.getLogger("garnet.proxy.peers")
_decoder = msgspec.json.Decoder(Heartbeat)


class Peer:
    """One other node."""

    def __init__(self, config: PeerConfig, node: str, secret: bytes, on_change: Callable[[], None]) -> None:
        """Know a peer; ``on_change`` is called when its heartbeat brings something new."""
        self.config = config
        self._connections = PeerConnections(config, node, secret)
        self._on_change = on_change
        self._missed = 0
        self._heard: float | None = None
        self.reachable = False
        self.models: dict[str, HeartbeatModel] = {}
        self._sent: dict[str, int] = {}
        self.raised: list[str] = []
        self.away: list[str] = []
        self.clock_offset_s: float | None = None
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
        return self._connections.sign_with(secret, node)

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
            if connection is not None and connection.awaited and connection.last_byte <= oldest:
                connection.fail(UnreachableError("the peer is unreachable"))

    def end_stalled(self, first_byte_timeout_s: float, stall_timeout_s: float) -> None:
        """End the answers that are silent for longer than they may be."""
        now = asyncio.get_running_loop().time()
        for call, connection in list(self.calls.items()):
            if connection is None or not connection.awaited or not call.parsed.loader_stream:
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
            raised=self.raised if self.reachable else [],
            clock_offset_s=self.clock_offset_s if self.reachable else None,
            away=self.away if self.reachable else [],
        )

    # --- sending ----------------------------------------------------------------------------

    async def send(
        self, method: str, path: str, body: bytes, headers: dict[str, str], call: Call | None = None
    ) -> Connection:
        """Send one signed request, watched as ``call``'s. Raises RefusedError or CutError."""

        def watch(connection: Connection) -> None:
            if call is not None:
                self.calls[call] = connection

        return await self._connections.send(method, path, body, headers, watch)

    def keep(self, connection: Connection) -> None:
        """Take a connection back after an exchange."""
        self._connections.keep(connection)

    # --- heartbeats -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to pull heartbeats."""
        self._task = asyncio.get_running_loop().create_task(self._pull_forever(), name=f"peer {self.name}")

    async def stop(self) -> None:
        """Stop pulling and close what is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._connections.close()

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
        self.raised = heartbeat.raised
        self.away = heartbeat.away
        for model in heartbeat.models:
            if model.ready:
                self._deaths.pop(model.model, None)
        self._sent.clear()
        self._failed.clear()
        self._full.clear()
        self._on_change()

    async def _heartbeat(self) -> Heartbeat:
        asked_unix = time.time()
        connection = await self.send("GET", HEARTBEAT_PATH, b"", {})
        try:
            status = await connection.head()
            content = await connection.whole()
            answered_unix = time.time()
        except BaseException:
            connection.close()
            raise
        self.keep(connection)
        if status != 200:  # noqa: PLR2004 -- OK
            raise WireError(f"heartbeat answered {status}")
        heartbeat = _decoder.decode(content)
        if heartbeat.node != self.name:
            raise WireError(f"another node answers there: {heartbeat.node}")
        self.clock_offset_s = round(heartbeat.time_unix - (asked_unix + answered_unix) / 2, 3)
        return heartbeat
