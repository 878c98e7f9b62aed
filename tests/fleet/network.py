"""A network of its own for some nodes: one namespace each, with a cable to a switch that can be pulled."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

SWITCH = "switch"
SWITCH_ADDRESS = "10.77.0.1"
CLONE_NEWNET = 0x40000000


class Network:
    """Nodes ``10.77.0.11`` and on, and a host at the switch; nothing of it can be reached from outside."""

    def __init__(self, names: Sequence[str]) -> None:
        """Name the nodes; ``made`` makes it."""
        self.addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, 11)}

    def namespace(self, name: str) -> str:
        """Return the name that this machine knows a node's namespace by."""
        return f"garnet-{os.getpid()}-{name}"

    def command(self, name: str, command: Sequence[str]) -> list[str]:
        """Return ``command`` as it is run on a node; `ip` becomes it and keeps its pid."""
        return ["ip", "netns", "exec", self.namespace(name), *command]

    def pull(self, name: str) -> None:
        """Pull a node's cable out of the switch."""
        ip("-n", self.namespace(SWITCH), "link", "set", f"to-{name}", "down")

    def plug(self, name: str) -> None:
        """Put it back."""
        ip("-n", self.namespace(SWITCH), "link", "set", f"to-{name}", "up")

    @contextmanager
    def at_switch(self) -> Iterator[None]:
        """Have this thread's new sockets be of the host at the switch, in the block."""
        library = ctypes.CDLL(None, use_errno=True)

        def enter(path: Path) -> None:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if library.setns(descriptor, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(descriptor)

        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            enter(Path("/run/netns") / self.namespace(SWITCH))
            try:
                yield
            finally:
                enter(Path(f"/proc/self/fd/{own}"))
        finally:
            os.close(own)

    def make(self) -> None:
        """Make the switch, the nodes and their cables. Raises CalledProcessError."""
        switch = self.namespace(SWITCH)
        ip("netns", "add", switch)
        ip("-n", switch, "link", "set", "lo", "up")
        ip("-n", switch, "link", "add", "lan", "type", "bridge")
        ip("-n", switch, "address", "add", f"{SWITCH_ADDRESS}/24", "dev", "lan")
        ip("-n", switch, "link", "set", "lan", "up")
        for name, address in self.addresses.items():
            node, port = self.namespace(name), f"to-{name}"
            ip("netns", "add", node)
            ip("-n", node, "link", "set", "lo", "up")
            cable = ["type", "veth", "peer", "name", port, "netns", switch]
            ip("-n", node, "link", "add", "eth0", *cable)
            ip("-n", switch, "link", "set", port, "master", "lan", "up")
            ip("-n", node, "address", "add", f"{address}/24", "dev", "eth0")
            ip("-n", node, "link", "set", "eth0", "up")

    def remove(self) -> None:
        """Remove all of it; cables go with their namespaces."""
        for name in (*self.addresses, SWITCH):
            namespace = self.namespace(name)
            if (Path("/run/netns") / namespace).exists():
                ip("netns", "delete", namespace)


@contextmanager
def network(names: Sequence[str]) -> Iterator[Network]:
    """Make a network of nodes; skip, loudly, where this machine lets nobody make one."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("NO NETWORK NAMESPACES: root and iproute2 are needed to cut a node off")
    made = Network(names)
    try:
        try:
            made.make()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"NO NETWORK NAMESPACES: {' '.join(error.cmd)}: {error.stderr.strip()}")
        yield made
    finally:
        made.remove()


def ip(*arguments: str) -> None:
    """Run `ip`. Raises CalledProcessError."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
