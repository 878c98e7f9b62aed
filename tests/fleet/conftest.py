"""Fleets that tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fleet.rack import Rack
from tests.fleet.sshd import Sshd, running


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sshd]]:
    """Return two real sshd on different ports, each with its own keys, by node name."""
    with running(tmp_path_factory.mktemp("one")) as one, running(tmp_path_factory.mktemp("two")) as two:
        yield {"one": one, "two": two}


@pytest.fixture(scope="module")
def ssh_rack(servers: dict[str, Sshd]) -> Iterator[Rack]:
    """Return a fleet of two nodes behind real sshd, with nothing on it yet."""
    with Rack(list(servers), lambda name: ssh_lines(servers[name])) as rack:
        for server in servers.values():
            server.known_hosts(rack.folder / "known_hosts")
        yield rack


def ssh_lines(server: Sshd) -> list[str]:
    """Return the lines of a [[nodes]] table that reach ``server``."""
    return [
        'transport = "ssh"',
        f'host = "{server.host}"',
        f"port = {server.port}",
        f'user = "{server.user}"',
        f'identity_file = "{server.identity_file}"',
    ]
