"""The proxy process: start, reload, hand over, stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from dataclasses import dataclass

from node_scripts import log_rotation
from node_scripts.paths import NodePaths
from node_scripts.proxy.app import App
from node_scripts.proxy.control import ControlApp
from node_scripts.proxy.handover import HandoverPoint, Inheritance, ask
from node_scripts.proxy.listeners import IDLE_GRACE_S, Listener, address_of, bind_tcp, bind_unix
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
    handover: bool = True
    """Take the sockets over from a proxy that runs already."""
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
        self._handed_over = False
        self._host = ""
        """Where the public socket was asked to listen."""
        self._housekeeping: asyncio.Task[None] | None = None
        self._handover = HandoverPoint(paths.handover_socket, self._listening, self._release_sockets)

    def _listening(self) -> tuple[socket.socket, socket.socket]:
        if self._public is None or self._control is None:
            raise OSError("not listening")
        return self._public.socket, self._control.socket

    async def start(self) -> None:
        """Bind, restore the slots, serve. Raises AnotherProxyError and OSError."""
        settings = self.node.settings
        inheritance = (
            await asyncio.to_thread(ask, self._paths.handover_socket) if self._options.handover else None
        )
        control = inheritance.control if inheritance else bind_unix(self._paths.control_socket)
        try:
            public = self._public_socket(settings, inheritance)
        except OSError:
            control.close()
            if inheritance is None:
                self._paths.control_socket.unlink(missing_ok=True)
            raise
        self._public = Listener(App(self.node, trusted=False), public)
        self._control = Listener(ControlApp(self.node, self.reload), control)
        try:
            await self.node.start()
            self.node.listen = address_of(public)
            await self._control.open()
            await self._public.open()
            if inheritance is not None:
                await asyncio.to_thread(inheritance.accepted)
                _LOG.info("took the sockets over from the proxy before")
                await self._move_after_takeover(settings)
            self._handover.open()
            if log_rotation.needed():
                self._housekeeping = asyncio.get_running_loop().create_task(self._keep_house(), name="logs")
        except BaseException:
            if inheritance is not None:
                inheritance.give_up()
                self._handed_over = True
            await self.stop()
            raise
        _LOG.info("serving on %s and %s", self.node.listen, self._paths.control_socket)

    def _public_socket(self, settings: Settings, inheritance: Inheritance | None) -> socket.socket:
        """Return the inherited public socket if it has the port that is wanted, else a new one.

        Another host with the same port cannot be bound before the old proxy has let go of it.
        """
        if inheritance is None:
            return self._bind(settings)
        host, port = inheritance.public.getsockname()[:2]
        wanted_port = settings.fleet.proxy.listen_port
        if wanted_port not in (0, port):
            inheritance.public.close()
            return self._bind(settings)
        if host != settings.listen_host:
            # A host that this machine does not have is found while the old proxy still serves.
            bind_tcp(settings.listen_host, 0).close()
        self._host = host
        return inheritance.public

    async def _move_after_takeover(self, settings: Settings) -> None:
        """Listen where ``settings`` want it; stay where the old proxy listened if that cannot be bound.

        Nobody else would serve by now, and a reload tries again and says what is wrong.
        """
        try:
            await self._move(settings)
        except OSError as error:
            _LOG.error("cannot listen on %s: %s", settings.listen_host, error)

    def _release_sockets(self) -> None:
        """Stop accepting: a successor does."""
        _LOG.info("a new proxy took the sockets over; draining")
        self._handed_over = True
        for listener in (self._public, self._control):
            if listener is not None:
                listener.leave()
        self._stopping.set()

    def _bind(self, settings: Settings) -> socket.socket:
        wanted = settings.fleet.proxy
        if settings.listen_host != wanted.listen_host:
            _LOG.warning("no client key is in force: listening on loopback instead of %s", wanted.listen_host)
        listening = bind_tcp(settings.listen_host, wanted.listen_port)
        self._host = settings.listen_host
        return listening

    async def reload(self) -> None:
        """Read etc/ again and let it take effect; the listener moves if its address did.

        Raises SettingsError, or OSError if the new address cannot be bound, with the old settings kept.
        """
        async with self._reloading:
            settings = await asyncio.to_thread(load, self._paths)
            await self._move(settings)
            await self.node.apply(settings)

    async def _move(self, settings: Settings) -> None:
        if self._public is None:
            return
        host, port = settings.listen_host, settings.fleet.proxy.listen_port
        bound_host, bound_port = self._public.socket.getsockname()[:2]
        if port not in (0, bound_port):
            listening = self._bind(settings)
        elif host == self._host:
            return
        else:
            # The old socket goes first: loopback and any-address cannot both hold the same port.
            self._public.close()
            try:
                listening = bind_tcp(host, bound_port)
            except OSError:
                await self._public.rebind(bind_tcp(bound_host, bound_port))
                raise
            self._host = host
        await self._public.rebind(listening)
        self.node.listen = address_of(listening)
        _LOG.info("listening on %s", self.node.listen)

    async def _keep_house(self) -> None:
        """Bound the logs each minute."""
        while True:
            try:
                await asyncio.to_thread(log_rotation.rotate, self._paths.log)
            except OSError as error:
                _LOG.error("logs cannot be rotated: %s", error)
            await asyncio.sleep(60.0)

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
            listener.leave()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.gather(self._housekeeping, return_exceptions=True)
        await self._handover.close(remove=not self._handed_over)
        if not self._handed_over:
            self._paths.control_socket.unlink(missing_ok=True)
        limit_s = self._options.handover_drain_s if self._handed_over else self._options.drain_s
        idle_grace_s = IDLE_GRACE_S if self._handed_over else 0.0
        deadline = asyncio.get_running_loop().time() + limit_s
        cut = await asyncio.gather(*(listener.drain(deadline, idle_grace_s) for listener in listeners))
        if sum(cut):
            _LOG.warning("cut %d answers off at the end of the drain", sum(cut))
        await self.node.stop()
        _LOG.info("stopped")
