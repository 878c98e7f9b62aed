"""All that one proxy knows: settings, slots, gates, peers, counters."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path

from node_scripts.contracts import (
    SCHEMA,
    Heartbeat,
    HeartbeatModel,
    ProxyStatus,
    Slot,
    SlotStatus,
)
from node_scripts.paths import NodePaths, release_of
from node_scripts.proxy.bodies import BodyBudget
from node_scripts.proxy.gate import Gate
from node_scripts.proxy.journal import RequestJournal
from node_scripts.proxy.loaders import Loader, first_line
from node_scripts.proxy.peers import Peer
from node_scripts.proxy.poison import PoisonTable
from node_scripts.proxy.raised import Raised
from node_scripts.proxy.recent import Recent
from node_scripts.proxy.service import Service
from node_scripts.proxy.settings import Settings
from node_scripts.proxy.slots import SlotRegistry, SlotsError
from node_scripts.proxy.watch import Watch, WatchLimits, read_stats

_LOG = logging.getLogger("garnet.proxy.node")
STATUS_STATS_TIMEOUT_S = 0.3
PEER_GRACE_S = 5.0
"""How much longer than its own loader a peer may be silent: it must be the first to tell who hung it."""


RELEASE = release_of(Path(__file__).resolve())
"""Read once: the link that the proxy was started through may point elsewhere later."""


class Counters:
    """What was answered since the proxy started; ``requests`` are completions that were asked for."""

    __slots__ = ("failed", "in_flight", "last_error", "rejected", "requests")

    def __init__(self) -> None:
        """Start at nothing."""
        self.requests = 0
        self.failed = 0
        self.rejected = 0
        self.in_flight = 0
        self.last_error: str | None = None

    def note_error(self, error: BaseException) -> None:
        """Keep the last internal error for the status."""
        self.failed += 1
        self.last_error = first_line(RuntimeError(type(error).__name__))


class Node:
    """The state that the proxy's parts share."""

    def __init__(
        self, paths: NodePaths, settings: Settings, *, watch_limits: WatchLimits | None = None
    ) -> None:
        """Take the settings over; ``watch_limits`` are replaced in tests."""
        self.paths = paths
        self.settings = settings
        self.counters = Counters()
        self.journal = RequestJournal(paths.request_journal)
        self.recent = Recent()
        self.raised = Raised()
        self.bodies = BodyBudget()
        self.started_unix = time.time()
        self.listen = ""
        self._watch_limits = watch_limits or WatchLimits()
        self.poison = PoisonTable()
        self.registry = SlotRegistry(paths, self._watch_of)
        self.service = Service(self.registry, self.poison)
        self.gates: dict[str, Gate] = {}
        self.peers: dict[str, Peer] = {}
        self._sweep: asyncio.Task[None] | None = None

    # --- life -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Restore the slots, probe their loaders once, and begin to watch loaders and peers."""
        try:
            self.registry.restore()
        except SlotsError as error:
            aside = self.paths.slots_file.with_suffix(".unreadable")
            os.replace(self.paths.slots_file, aside)  # noqa: PTH105 -- Path.replace is the same call
            self.counters.last_error = first_line(error)
            _LOG.error("started without slots, the old table is kept as %s: %s", aside.name, error)
        await self.apply(self.settings)
        await asyncio.gather(*(watch.probe() for watch in self.registry.watches.values()))
        self._sweep = asyncio.get_running_loop().create_task(self._keep_house(), name="sweep")

    async def stop(self) -> None:
        """Stop watching, and close the request journal."""
        if self._sweep is not None:
            self._sweep.cancel()
            await asyncio.gather(self._sweep, return_exceptions=True)
        await asyncio.gather(*(peer.stop() for peer in self.peers.values()), self.registry.stop())
        self.journal.close()

    async def apply(self, settings: Settings) -> None:
        """Let new settings take effect; requests under way keep theirs."""
        self.settings = settings
        for name in [name for name in self.gates if name not in settings.models]:
            self.gates.pop(name).active = None
        for name, config in settings.models.items():
            gate = self.gates.get(name)
            if gate is None:
                gate = Gate(config, settings.fleet.proxy.queue_limit, lambda: self.peers)
                self.gates[name] = gate
            gate.config = config
            gate.queue_limit = settings.fleet.proxy.queue_limit
            gate.active = self.registry.active(name)
        await self._apply_peers(settings)

    async def _apply_peers(self, settings: Settings) -> None:
        wanted = {peer.name: peer for peer in settings.fleet.peers} if settings.secret else {}
        stale = [
            peer
            for peer in self.peers.values()
            if wanted.get(peer.name) != peer.config
            or not peer.signs_with(settings.secret, settings.fleet.node)
        ]
        for peer in stale:
            del self.peers[peer.name]
        for name, config in wanted.items():
            if name not in self.peers and settings.secret is not None:
                peer = Peer(config, settings.fleet.node, settings.secret, self.pump)
                self.peers[name] = peer
                peer.start()
        await asyncio.gather(*(peer.stop() for peer in stale))

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.journal.roll()
            limits = self.settings.fleet.proxy
            for peer in self.peers.values():
                peer.end_stalled(
                    limits.first_byte_timeout_s + limits.queue_timeout_s + PEER_GRACE_S,
                    limits.stall_timeout_s + PEER_GRACE_S,
                )

    def _watch_of(self, loader: Loader) -> Watch:
        return Watch(loader, self.watch_limits, self.pump)

    def watch_limits(self) -> WatchLimits:
        """Return the watch's limits with the configured timeouts."""
        given, proxy = self._watch_limits, self.settings.fleet.proxy
        return WatchLimits(
            interval_s=given.interval_s,
            probe_timeout_s=given.probe_timeout_s,
            stats_timeout_s=given.stats_timeout_s,
            stats_interval_s=given.stats_interval_s,
            kill_after_s=given.kill_after_s,
            first_byte_timeout_s=proxy.first_byte_timeout_s,
            stall_timeout_s=proxy.stall_timeout_s,
        )

    def pump(self) -> None:
        """Let waiting requests look for a place again: a loader or a peer has changed."""
        for gate in self.gates.values():
            gate.pump()

    # --- slots ------------------------------------------------------------------------------

    async def put_slot(self, slot: Slot) -> None:
        """Write a slot and let it take effect: the flip. Raises OSError with nothing changed."""
        with self.registry.arriving(slot):
            await self.registry.put(slot, lambda: self._set_active(slot.model))

    async def delete_slot(self, model: str) -> bool:
        """Remove a slot; say whether it existed."""
        return await self.registry.delete(model, lambda: self._set_active(model))

    def _set_active(self, model: str) -> None:
        gate = self.gates.get(model)
        if gate is not None:
            gate.active = self.registry.active(model)

    # --- what it tells ----------------------------------------------------------------------

    def served_models(self) -> list[str]:
        """Return the models that some node can serve now."""
        return [name for name in self.settings.models if self._can_serve(name)]

    def _can_serve(self, model: str) -> bool:
        active = self.registry.active(model)
        if active is not None and active.usable:
            return True
        return any(
            peer.reachable and model in peer.models and peer.models[model].ready
            for peer in self.peers.values()
        )

    def heartbeat(self) -> Heartbeat:
        """Return what this node serves and how loaded it is."""
        models = []
        for name, gate in self.gates.items():
            active = gate.active
            if active is None:
                continue
            models.append(
                HeartbeatModel(
                    model=name,
                    ready=active.usable,
                    in_flight=active.in_flight,
                    queued=gate.queued,
                    concurrency=gate.config.concurrency,
                )
            )
        return Heartbeat(
            schema=SCHEMA,
            node=self.settings.fleet.node,
            time_unix=round(time.time(), 3),
            models=models,
            raised=self.raised.nodes(time.monotonic()),
            away=sorted(name for name, slot in self.registry.slots.items() if slot.active is None),
        )

    def slot_status(self, model: str) -> SlotStatus:
        """Return one slot's status."""
        gate = self.gates.get(model)
        return self.registry.slot_status(self.registry.slots[model], 0 if gate is None else gate.queued)

    async def status(self) -> ProxyStatus:
        """Ask the ready loaders for their counters and return the whole status."""
        await asyncio.gather(*(self._refresh(loader) for loader in self.registry.loaders.values()))
        now = asyncio.get_running_loop().time()
        counters = self.counters
        return ProxyStatus(
            node=self.settings.fleet.node,
            pid=os.getpid(),
            release=RELEASE,
            started_unix=self.started_unix,
            listen=self.listen,
            slots=[self.slot_status(model) for model in sorted(self.registry.slots)],
            peers=[peer.status(now) for peer in self.peers.values()],
            requests=counters.requests,
            failed=counters.failed,
            rejected=counters.rejected,
            in_flight=len(self.service.calls),
            draining=self.registry.draining(),
            last_error=counters.last_error,
            unrecorded_requests=self.journal.unrecorded,
            settings_digest=self.settings.digest,
        )

    async def _refresh(self, loader: Loader) -> None:
        if not loader.usable:
            return
        stats = await read_stats(loader.spec.stats_socket, STATUS_STATS_TIMEOUT_S)
        watch = self.registry.watches.get(loader.name)
        if stats is not None and watch is not None:
            watch.take_stats(stats)
