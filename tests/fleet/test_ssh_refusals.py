"""What an operator sees when nodes cannot or must not be logged in to: one line each, nothing changed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.conftest import ssh_lines
from tests.fleet.rack import Rack
from tests.fleet.sshd import KEYGEN, Sshd, free_port, make_key

pytestmark = pytest.mark.fleet

COMMANDS = (("up", "--yes"), ("status",))


@pytest.fixture(scope="module")
def rack(servers: dict[str, Sshd], tiny_model_a: Path) -> Iterator[Rack]:
    """Return a fleet of two nodes behind real sshd that nothing was ever done to."""
    with Rack(list(servers), lambda name: ssh_lines(servers[name])) as rack:
        rack.serve("tiny", tiny_model_a)
        yield rack


@pytest.fixture(autouse=True)
def reachable(rack: Rack, servers: dict[str, Sshd]) -> None:
    """Begin with both hosts known, and every node entry right."""
    (rack.folder / "known_hosts").unlink(missing_ok=True)
    for name, server in servers.items():
        server.known_hosts(rack.folder / "known_hosts")
        rack.node(name).lines = ssh_lines(server)
    rack.write()


def refusals(rack: Rack, *command: str, code: int = 4) -> list[str]:
    """Run a command that must end with ``code``, touch nothing, and return what it said, line by line."""
    done = rack.garnet(*command, code=code)
    assert "Traceback" not in done.stderr
    assert not any(node.root.exists() for node in rack.nodes)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def fingerprint(public_key: Path) -> str:
    """Return a key's fingerprint as OpenSSH shows it to people."""
    shown = subprocess.run([str(KEYGEN), "-lf", str(public_key)], capture_output=True, text=True, check=True)
    return shown.stdout.split()[1]


def about(lines: list[str], node: str) -> str:
    """Return the one line that is about ``node``."""
    found = [line for line in lines if f"{node}: " in line]
    assert len(found) == 1, lines
    return found[0]


def test_unknown_hosts_are_named_with_fingerprint_and_remedy(rack: Rack, servers: dict[str, Sshd]) -> None:
    """Both nodes, each with the fingerprint to compare and the command that records it."""
    (rack.folder / "known_hosts").unlink()
    lines = refusals(rack, "up", "--yes")
    for name, server in servers.items():
        line = about(lines, name)
        assert fingerprint(server.folder / "host_key.pub") in line
        assert "garnet init" in line


def test_a_changed_host_key_is_no_detail(rack: Rack, servers: dict[str, Sshd], tmp_path: Path) -> None:
    """The node whose key differs is refused, whatever the rest of the fleet does."""
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text().split()
    known = servers["one"].known_hosts(tmp_path / "known_hosts")
    two = servers["two"]
    with known.open("a") as stream:
        stream.write(f"[{two.host}]:{two.port} {other[0]} {other[1]}\n")
    (rack.folder / "known_hosts").write_text(known.read_text())
    line = about(refusals(rack, "up", "--yes"), "two")
    assert "changed" in line
    assert fingerprint(two.folder / "host_key.pub") in line


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_refused_login_and_a_dead_port_are_both_named(
    rack: Rack, servers: dict[str, Sshd], tmp_path: Path, command: tuple[str, ...]
) -> None:
    """One node wants another key, the other is not there: two lines, not the first one only."""
    one, two = rack.nodes
    stranger = make_key(tmp_path / "stranger")
    one.lines = [line for line in one.lines if "identity_file" not in line] + [
        f'identity_file = "{stranger}"'
    ]
    dead = free_port()
    two.lines = [f"port = {dead}" if line.startswith("port") else line for line in two.lines]
    rack.write()
    if command[0] == "up":
        lines = refusals(rack, *command)
    else:
        done = rack.garnet(*command, code=4)
        lines = (done.stdout + done.stderr).splitlines()
    assert any("one" in line and "refuses the login" in line for line in lines), lines
    assert any("two" in line and "refuses connections" in line for line in lines), lines


def test_a_missing_identity_file_is_named(rack: Rack, servers: dict[str, Sshd], tmp_path: Path) -> None:
    """A mistyped path is told from a refused login."""
    one = rack.node("one")
    one.lines = [line for line in one.lines if "identity_file" not in line]
    one.lines.append(f'identity_file = "{tmp_path / "nowhere"}"')
    rack.write()
    assert "identity_file" in about(refusals(rack, "up", "--yes", code=2), "one")
