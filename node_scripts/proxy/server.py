"""The proxy process: start, reload, hand over, stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from dataclasses import dataclass

from node_scripts.paths import NodePaths
from node_scripts.proxy.app import App
from node_scripts.proxy.control import ControlApp
from node_scripts.proxy.listeners import Listener, address_of, bind_tcp, bind_unix
from node_scripts.proxy.node import Node
from node_scripts.proxy.settings import Settings, load
from node_scripts.proxy.watch import WatchLimits

_LOG = logging.getLogger("garnet.proxy.server")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerOptions:
    """How long the process waits for what, in seconds."""

    drain_s: float = 20.0
    """After SIGTERM."""
    handover_drain_s: float = 600.0
    """After a successor took the sockets over: nobody is waiting for this process to end."""
    watch_limits: WatchLimits | None = None


class Server:
    """One proxy."""

    def __init__(self, paths: NodePaths, options: ServerOptions | None = None) -> None:
        """Read the settings. Raises SettingsError."""
        self._paths = paths
        self._options = options or ServerOptions()
        self.node = Node(paths, load(paths), watch_limits=self._options.watch_limits)
        self._public: Listener | None = None
        self._control: Listener | None = None
        self._reloading = asyncio.Lock()
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Bind, restore the slots, serve. Raises AnotherProxyError and OSError."""
        settings = self.node.settings
        control = bind_unix(self._paths.control_socket)
        try:
            public = self._bind(settings)
        except OSError:
            control.close()
            self._paths.control_socket.unlink(missing_ok=True)
            raise
        await self.node.start()
        self._public = Listener(App(self.node, trusted=False), public)
        self._control = Listener(ControlApp(self.node, self.reload), control)
        self.node.listen = address_of(public)
        await self._control.open()
        await self._public.open()
        _LOG.info("serving on %s and %s", self.node.listen, self._paths.control_socket)

    def _bind(self, settings: Settings) -> socket.socket:
        wanted = settings.fleet.proxy
        if settings.listen_host != wanted.listen_host:
            _LOG.warning("no client key is in force: listening on loopback instead of %s", wanted.listen_host)
        return bind_tcp(settings.listen_host, wanted.listen_port)

    async def reload(self) -> None:
        """Read etc/ again and let it take effect; the listener moves if its address did.

        Raises SettingsError, or OSError if the new address cannot be bound, with the old settings kept.
        """
        async with self._reloading:
            settings = await asyncio.to_thread(load, self._paths)
            before = self.node.settings
            await self._move(before, settings)
            await self.node.apply(settings)

    async def _move(self, before: Settings, after: Settings) -> None:
        old = (before.listen_host, before.fleet.proxy.listen_port)
        new = (after.listen_host, after.fleet.proxy.listen_port)
        if old == new or self._public is None:
            return
        # The old socket goes first: loopback and any-address cannot both hold the same port.
        self._public.close()
        try:
            listening = self._bind(after)
        except OSError:
            await self._public.rebind(self._bind(before))
            raise
        await self._public.rebind(listening)
        self.node.listen = address_of(listening)
        _LOG.info("listening on %s", self.node.listen)

    def ask_to_stop(self) -> None:
        """Make ``run`` return after the drain."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.ask_to_stop)
        await self._stopping.wait()
        await self.stop()

    async def stop(self) -> None:
        """Stop accepting, let answers end within the drain limit, stop watching."""
        listeners = [listener for listener in (self._public, self._control) if listener is not None]
        for listener in listeners:
            listener.close()
        self._paths.control_socket.unlink(missing_ok=True)
        deadline = asyncio.get_running_loop().time() + self._options.drain_s
        cut = await asyncio.gather(*(listener.drain(deadline) for listener in listeners))
        if sum(cut):
            _LOG.warning("cut %d answers off at the end of the drain", sum(cut))
        await self.node.stop()
        _LOG.info("stopped")
