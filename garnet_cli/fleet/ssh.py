"""A node reached by SSH: one connection, one long-lived channel."""

from __future__ import annotations

import contextlib
import getpass
import logging
import random
import shlex
import socket
import time
from collections.abc import Callable
from pathlib import Path

import paramiko

from garnet_cli.errors import HostKeyError, UnreachableError
from garnet_cli.fleet.host_keys import HostKey, fingerprint, known_name, load_known_hosts, scan_host_keys
from garnet_cli.fleet.node import NodeTarget

RECEIVE_BYTES = 256 * 1024
DROPPED_ATTEMPTS = 5
"""A server past its MaxStartups closes new connections at random: try again, spread out."""
TAIL_BYTES = 4096
END_PATIENCE_S = 5.0
STALL_S = 45.0
"""Longest wait for a node that takes no bytes."""
WINDOW_BYTES = 4 * 1024 * 1024

logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


Connection = socket.socket | paramiko.Channel


class _Dropped(Exception):  # noqa: N818 -- not an error yet: it is tried again
    """The server closed the connection before it said who it is."""


class SshTransport:
    """Opens connections to one node."""

    def __init__(
        self, target: NodeTarget, known_hosts: Path | None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Describe the node; nothing is opened."""
        self._target = target
        self._known_hosts = known_hosts
        self._sleep = sleep

    def open(self, command: list[str]) -> SshStream:
        """Connect and run ``command``. Raises UnreachableError or HostKeyError."""
        clients: list[paramiko.SSHClient] = []
        try:
            target = self._target
            client = self._log_in(lambda: self._reach(clients), target.user, target.host, target.port)
            clients.append(client)
            transport = client.get_transport()
            if transport is None:
                raise self._unreachable("the connection ended at once")  # noqa: TRY301 -- closes clients
            channel = transport.open_session(window_size=WINDOW_BYTES, timeout=target.connect_timeout_s)
            channel.exec_command("exec " + shlex.join(command))
            channel.settimeout(STALL_S)
        except BaseException as error:
            for each in reversed(clients):
                each.close()
            if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
                raise self._unreachable(f"no session could be opened: {error}") from error
            raise
        return SshStream(channel, clients)

    def scan(self) -> list[HostKey]:
        """Return the node's host keys, trusted or not. Raises UnreachableError, HostKeyError (jump host)."""
        clients: list[paramiko.SSHClient] = []
        try:
            return scan_host_keys(self._target.name, lambda: self._reach(clients))
        finally:
            for each in reversed(clients):
                each.close()

    def scan_jump(self) -> list[HostKey]:
        """Return the jump host's keys, trusted or not. Raises UnreachableError."""
        jump = self._target.jump
        if jump is None:
            return []
        return scan_host_keys(self._target.name, lambda: self._connect(jump.host, jump.port))

    def _reach(self, clients: list[paramiko.SSHClient]) -> Connection:
        """Open a connection to the node's SSH port, through the jump host where there is one."""
        target = self._target
        if target.jump is None:
            return self._connect(target.host, target.port)
        if not clients:
            jump = target.jump
            clients.append(
                self._log_in(lambda: self._connect(jump.host, jump.port), jump.user, jump.host, jump.port)
            )
        transport = clients[0].get_transport()
        if transport is None:
            raise self._unreachable(f"jump host {target.jump.host} ended the connection")
        destination = (target.host, target.port)
        try:
            return transport.open_channel(
                "direct-tcpip", destination, ("127.0.0.1", 0), timeout=target.connect_timeout_s
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            message = f"jump host {target.jump.host} cannot reach {target.host}:{target.port}: {error}"
            raise self._unreachable(message) from error

    def _connect(self, host: str, port: int) -> socket.socket:
        where = f"{host}:{port}"
        try:
            connection = socket.create_connection((host, port), timeout=self._target.connect_timeout_s)
        except socket.gaierror as error:
            message = f"the name {host} cannot be resolved"
            raise self._unreachable(message, "check `host` in the inventory and the DNS") from error
        except ConnectionRefusedError as error:
            remedy = "turn Remote Login on there, or check `port` in the inventory"
            raise self._unreachable(f"{where} refuses connections", remedy) from error
        except TimeoutError as error:
            message = f"{where} did not answer within {self._target.connect_timeout_s:.0f} s"
            raise self._unreachable(message, "check that it is on and on the network") from error
        except OSError as error:
            raise self._unreachable(f"{where} cannot be reached: {error}") from error
        # paramiko leaves Nagle's algorithm on: every small write would wait 40 ms for an acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection

    def _log_in(
        self, connect: Callable[[], Connection], user: str | None, host: str, port: int
    ) -> paramiko.SSHClient:
        """Connect and log in, again where the server drops the connection before it is one."""
        for attempt in range(1, DROPPED_ATTEMPTS):
            try:
                return self._log_in_once(connect(), user, host, port)
            except _Dropped:
                self._sleep(random.uniform(0.1, 0.4) * 2**attempt)  # noqa: S311 -- to spread, not to hide
        try:
            return self._log_in_once(connect(), user, host, port)
        except _Dropped as dropped:
            message = f"{host}:{port} closes new connections: {dropped}"
            remedy = "raise MaxStartups in its sshd_config, or check that it is an SSH server"
            raise self._unreachable(message, remedy) from dropped

    def _log_in_once(
        self, connection: Connection, user: str | None, host: str, port: int
    ) -> paramiko.SSHClient:
        name = known_name(host, port)
        client = paramiko.SSHClient()
        known = load_known_hosts(self._known_hosts).lookup(name)
        for kind, key in (known or {}).items():
            client.get_host_keys().add(name, kind, key)
        client.set_missing_host_key_policy(_Refuse(self._target.name, name, other_keys=bool(known)))
        identity = self._target.identity_file
        timeout = self._target.connect_timeout_s
        done = False
        try:
            client.connect(
                host,
                port=port,
                username=user or getpass.getuser(),
                key_filename=str(identity.expanduser()) if identity else None,
                sock=connection,
                timeout=timeout,
                banner_timeout=timeout,
                auth_timeout=timeout,
                channel_timeout=timeout,
                allow_agent=True,
                look_for_keys=identity is None,
            )
            done = True
        except paramiko.BadHostKeyException as error:
            raise _changed(self._target.name, name, error.key, error.expected_key) from error
        except paramiko.AuthenticationException as error:
            who = f"{user}@{host}" if user else host
            remedy = "check `user` and `identity_file` in the inventory and authorized_keys there"
            raise self._unreachable(f"{who} refuses the login: {error}", remedy) from error
        except (paramiko.SSHException, EOFError, ConnectionError) as error:
            if _is_drop(error):
                raise _Dropped(str(error) or type(error).__name__) from error
            raise self._unreachable(f"SSH to {host}:{port} failed: {error}") from error
        except TimeoutError as error:
            raise self._unreachable(f"SSH to {host}:{port} did not answer within {timeout:.0f} s") from error
        except OSError as error:
            what_to_do = "check `identity_file` in the inventory" if identity else None
            raise self._unreachable(f"SSH to {host}:{port} failed: {error}", what_to_do) from error
        finally:
            if not done:
                client.close()
                connection.close()
        return client

    def _unreachable(self, message: str, remedy: str | None = None) -> UnreachableError:
        return UnreachableError(message, node=self._target.name, remedy=remedy)


class SshStream:
    """One exec channel, and the connections under it."""

    def __init__(self, channel: paramiko.Channel, clients: list[paramiko.SSHClient]) -> None:
        """Own ``channel`` and ``clients`` (the jump host's first)."""
        self._channel = channel
        self._clients = clients
        self._closed = False
        self._said = b""

    def send(self, data: bytes) -> None:
        """See Stream.send."""
        try:
            self._channel.sendall(data)
        except (EOFError, paramiko.SSHException) as error:
            raise ConnectionResetError(str(error) or "the connection ended") from error

    def receive(self) -> bytes:
        """See Stream.receive."""
        while True:
            self._hear_errors()
            try:
                return self._channel.recv(RECEIVE_BYTES)
            except TimeoutError:
                continue

    def _hear_errors(self) -> None:
        """Take standard error away, or a node that says much there would block on it."""
        while self._channel.recv_stderr_ready():
            self._said = (self._said + self._channel.recv_stderr(RECEIVE_BYTES))[-TAIL_BYTES:]

    def end(self) -> None:
        """See Stream.end."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.shutdown_write()
            self._channel.status_event.wait(END_PATIENCE_S)
        self._channel.close()

    def close(self) -> None:
        """See Stream.close."""
        for client in reversed(self._clients):
            client.close()

    def diagnosis(self) -> str:
        """See Stream.diagnosis."""
        self._hear_errors()
        said = self._said.decode(errors="replace").strip()
        if self._channel.exit_status_ready():
            status = self._channel.recv_exit_status()
            return f"{said}\nexit status {status}".strip() if status >= 0 else said
        return said


class _Refuse(paramiko.MissingHostKeyPolicy):
    """Refuses a host whose key is not in the fleet's known_hosts."""

    def __init__(self, node: str, name: str, *, other_keys: bool) -> None:
        self._node = node
        self._name = name
        self._other_keys = other_keys

    def missing_host_key(self, _client: paramiko.SSHClient, _hostname: str, key: paramiko.PKey) -> None:
        if self._other_keys:
            raise _changed(self._node, self._name, key, None)
        raise HostKeyError(
            f"the host key of {self._name} is unknown ({key.get_name()} {fingerprint(key.asbytes())})",
            node=self._node,
            remedy="compare it with the node's own and add it with `garnet init`",
        )


def _changed(node: str, name: str, key: paramiko.PKey, expected: paramiko.PKey | None) -> HostKeyError:
    before = f", not {fingerprint(expected.asbytes())}" if expected else ""
    return HostKeyError(
        f"the host key of {name} has changed: it is {key.get_name()} {fingerprint(key.asbytes())}{before}",
        node=node,
        remedy="somebody may be in between: if the node was set up anew, "
        "compare the key there and accept it with `garnet init`; `garnet check` shows both",
    )


def _is_drop(error: Exception) -> bool:
    """Say whether the server closed the connection instead of speaking."""
    if isinstance(error, (EOFError, ConnectionError)):
        return True
    return "protocol banner" in str(error) or "closed" in str(error).lower()
