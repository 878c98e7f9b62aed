"""The watch over one loader: probe each second, and kill what cannot come back by itself.

Killing is safe only because the supervisor starts the loader again, and because the pid comes from
the loader's own stats socket and is forgotten as soon as nobody listens there any more.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from node_scripts.contracts import LoaderStats
from node_scripts.proxy.health import Probe, judge
from node_scripts.proxy.loaders import Loader, first_line
from node_scripts.proxy.stalls import find_stalls
from node_scripts.proxy.wire import (
    HungError,
    RefusedError,
    StalledError,
    WireError,
    connect_unix,
    request_head,
)

_LOG = logging.getLogger("garnet.proxy.watch")
_HEALTH_REQUEST = request_head("GET", "/health", {"host": "loader"}, 0, version="1.0")
_stats_decoder = msgspec.json.Decoder(LoaderStats)

STATS_MISSING_TO_TRUST_HEALTH = 3
"""Probes answered without statistics before health alone counts as loaded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchLimits:
    """How long the watch waits for what, in seconds."""

    interval_s: float = 1.0
    probe_timeout_s: float = 1.0
    stats_timeout_s: float = 0.5
    stats_interval_s: float = 5.0
    kill_after_s: float = 10.0
    """Unanswered probes for this long: the process hangs and is killed."""
    first_byte_timeout_s: float = 120.0
    stall_timeout_s: float = 60.0


async def read_stats(path: str, timeout_s: float) -> LoaderStats | None:
    """Ask a loader's stats socket; ``None`` if it does not answer with a record in time."""
    writer = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(path)
            content = await reader.read(-1)
        return _stats_decoder.decode(content)
    except (OSError, TimeoutError, msgspec.DecodeError):
        return None
    finally:
        if writer is not None:
            writer.close()


async def probe_health(path: str, timeout_s: float) -> Probe:
    """Ask ``/health`` once: ``well`` for 200, without regard to whether the model is loaded."""
    connection = None
    try:
        async with asyncio.timeout(timeout_s):
            connection = await connect_unix(path, timeout_s)
            connection.begin(_HEALTH_REQUEST)
            status = await connection.head()
    except RefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except WireError:
        return "refused"
    finally:
        if connection is not None:
            connection.close()
    return "well" if status == 200 else "dead"  # noqa: PLR2004 -- OK


class Watch:
    """Keeps one loader's state true."""

    def __init__(
        self, loader: Loader, limits: Callable[[], WatchLimits], on_change: Callable[[], None]
    ) -> None:
        """Watch ``loader``; ``on_change`` is called whenever its state has changed."""
        self.loader = loader
        self._limits = limits
        self._on_change = on_change
        self._poke = asyncio.Event()
        self._probing = asyncio.Lock()
        self._stats_at = 0.0
        self._stats_missing = 0
        self._heard = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.get_running_loop().create_task(self._watch(), name=f"watch {self.loader.name}")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def retire(self) -> None:
        """Stop watching without waiting for it."""
        if self._task is not None:
            self._task.cancel()

    def poke(self) -> None:
        """Probe now instead of at the next second."""
        self._poke.set()

    async def _watch(self) -> None:
        while True:
            try:
                await self.probe()
                self._end_stalled()
            except Exception as error:  # noqa: BLE001 -- a watch never ends; the failure is logged
                self.loader.last_error = first_line(error)
                _LOG.exception("watch of %s failed", self.loader.name)
            try:
                async with asyncio.timeout(self._limits().interval_s):
                    await self._poke.wait()
            except TimeoutError:
                continue
            finally:
                self._poke.clear()

    async def probe(self) -> None:
        """Probe once and act on the answer."""
        async with self._probing:
            limits = self._limits()
            loop = asyncio.get_running_loop()
            began = loop.time()
            found = await probe_health(self.loader.spec.http_socket, limits.probe_timeout_s)
            if found == "silent" and self._heard_since(began):
                found = "well"
            if found == "refused":
                self._forget_process()
            elif found == "dead" and self.loader.pid is None:
                stats = await read_stats(self.loader.spec.stats_socket, limits.stats_timeout_s)
                if stats is not None:
                    self.take_stats(stats)
            elif found == "well":
                found = await self._loaded_or_loading(limits, began)
            self._apply(found, limits, began)

    def _heard_since(self, began: float) -> bool:
        """Bytes on an answer prove life as well as an answered probe does."""
        now = asyncio.get_running_loop().time()
        silent = self.loader.silent_for(now)
        return silent is not None and now - silent >= began

    def _forget_process(self) -> None:
        self.loader.pid = None
        self.loader.stats = None
        self.loader.loaded = False
        self._stats_at = 0.0

    async def _loaded_or_loading(self, limits: WatchLimits, now: float) -> Probe:
        loader = self.loader
        if loader.state != "ready" or not loader.loaded or now - self._stats_at >= limits.stats_interval_s:
            self._stats_at = now
            stats = await read_stats(loader.spec.stats_socket, limits.stats_timeout_s)
            self._stats_missing = 0 if stats is not None else self._stats_missing + 1
            if stats is not None:
                self.take_stats(stats)
            elif self._stats_missing >= STATS_MISSING_TO_TRUST_HEALTH:
                loader.loaded = True
        return "well" if loader.loaded else "loading"

    def take_stats(self, stats: LoaderStats) -> None:
        """Note what the loader says of itself; another pid is another process."""
        loader = self.loader
        if loader.pid is not None and stats.pid != loader.pid:
            loader.loaded = False
        loader.pid = stats.pid
        loader.stats = stats
        if stats.load_misses is None or stats.load_misses >= 1:
            loader.loaded = True

    def _apply(self, found: Probe, limits: WatchLimits, began: float) -> None:
        loader = self.loader
        before = loader.state
        if found != "silent":
            loader.silent_since = None
        elif loader.silent_since is None:
            loader.silent_since = began
        now = asyncio.get_running_loop().time()
        silent_for_s = 0.0 if loader.silent_since is None else now - loader.silent_since
        verdict = judge(
            before, loader.failures, found, silent_for_s=silent_for_s, kill_after_s=limits.kill_after_s
        )
        loader.state, loader.failures = verdict.state, verdict.failures
        if found == "well":
            loader.death = None
        elif found in ("refused", "dead", "silent") and before != "starting":
            loader.last_error = first_line(WireError(f"health: {found}"))
        if before != loader.state:
            _LOG.warning("%s: %s -> %s (probe: %s)", loader.name, before, loader.state, found)
        if verdict.kill:
            self._kill(f"health: {found}")
        if before != loader.state or found == "well":
            self._on_change()

    def _end_stalled(self) -> None:
        """End answers that are silent for too long; kill the loader if all of them are."""
        loader = self.loader
        limits = self._limits()
        self._heard = max(self._heard, loader.heard())
        stalls = find_stalls(
            loader.calls,
            now=asyncio.get_running_loop().time(),
            heard=self._heard,
            first_byte_timeout_s=limits.first_byte_timeout_s,
            stall_timeout_s=limits.stall_timeout_s,
            exempt=loader.state == "starting",
        )
        error: WireError = StalledError("no byte for too long")
        if stalls.hung:
            self._kill("no byte on any answer")
            error = HungError("hangs: no byte on any answer")
            loader.note_hung(stalls.overdue, first_line(error))
        for connection in stalls.overdue.values():
            connection.fail(error)

    def _kill(self, reason: str) -> None:
        """Kill the process that the loader's stats socket named, if it is still the one."""
        loader = self.loader
        pid = loader.pid
        loader.last_error = first_line(WireError(reason))
        if pid is None:
            _LOG.error("%s must be restarted (%s) but its pid is unknown", loader.name, reason)
            return
        self._forget_process()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            _LOG.warning("%s: pid %d is gone already", loader.name, pid)
        else:
            _LOG.error("%s: killed pid %d: %s", loader.name, pid, reason)
