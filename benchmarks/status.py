"""`garnet status` over many SSH nodes against a bare `true` on each: python -m benchmarks.status.

A node is a root of its own behind one of a few sshd on loopback. The first few run a real proxy; the
others answer their facts and show as "proxy down". All nodes' work is done by this one machine: the
agents' processor time, which a rack spreads over its Macs, counts in full here.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateways import garnet
from benchmarks.processes import MEBIBYTE, Ran, compile_everything, end_cleanly_on_signals, free_ports, run
from benchmarks.results import median, publish
from tests.fleet.sshd import KEYGEN, SSHD, Sshd, running

SIZES = (8, 64)
SERVERS = 4
PROXIES = 4
OPTIONS = "MaxStartups 200:30:400\nMaxSessions 64\nSetEnv HOME=/nowhere"
"""Without a home the login shell reads no rc files: what they cost is not what is measured."""
AT_ONCE = 8
"""OpenSSH processes at a time: what `xargs -P8` or pdsh would run."""
BARE_PYTHON = shlex.join([sys.executable, "-I", "-S", "-c", "import json, subprocess, hashlib, http.client"])
"""What any agent in Python costs its node before it does anything."""
COLUMNS = ("command", "nodes", "median s", "min s", "s/garnet's", "own cpu s", "peak RSS MiB")
OWN = "garnet status"
OPENSSH = f"ssh true, {AT_ONCE} at once"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Nodes that are reached by SSH."""

    folder: Path
    ports: Sequence[int]
    """The SSH port of each."""
    server: Sshd
    """One of the servers: all take the same user and identity."""
    inventory: Path

    @property
    def known_hosts(self) -> Path:
        """The file that garnet and OpenSSH check."""
        return self.folder / "known_hosts"


def main() -> None:
    """Start the servers, measure every size in rounds, publish."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.status")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nodes", type=int, nargs="+", default=list(SIZES))
    given = parser.parse_args()
    end_cleanly_on_signals()
    compile_everything()
    if SSHD is None or KEYGEN is None:
        publish("status", COLUMNS, [], ["skipped: OpenSSH's sshd is not installed"])
        return
    rows: list[tuple[object, ...]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gs", dir="/tmp")))
        servers = [stack.enter_context(running(folder / f"sshd{n}", OPTIONS)) for n in range(SERVERS)]
        for server in servers[1:]:
            server.authorized_keys.write_bytes(servers[0].authorized_keys.read_bytes())
        for number in range(PROXIES):
            stack.enter_context(garnet(folder / f"n{number}", None))
        for size in given.nodes:
            fleet = fleet_of(folder, servers, size)
            check(fleet, size)
            rows += rows_of(size, rounds_of(fleet, given.rounds))
    notes = [
        f"medians of {given.rounds} rounds, in turn, whole processes; {SERVERS} sshd on loopback",
        f"nodes beyond the first {PROXIES} have no proxy; agents and sshd share this machine's processors",
    ]
    publish("status", COLUMNS, rows, notes)


def fleet_of(folder: Path, servers: Sequence[Sshd], size: int) -> Fleet:
    """Write the inventory of ``size`` nodes, spread over the servers."""
    fleet = Fleet(
        folder=folder,
        ports=[servers[number % len(servers)].port for number in range(size)],
        server=servers[0],
        inventory=folder / f"inventory-{size}.toml",
    )
    lines = ["[fleet]", 'name = "benchmark"', ""]
    for number, (port, listen) in enumerate(zip(fleet.ports, free_ports(size), strict=True)):
        lines += ["[[nodes]]", f'name = "n{number}"', f'root = "{folder / f"n{number}"}"']
        lines += ['transport = "ssh"', 'host = "127.0.0.1"', f"port = {port}"]
        lines += [f'user = "{fleet.server.user}"', f'identity_file = "{fleet.server.identity_file}"']
        lines += [f'listen = "127.0.0.1:{listen}"', f'python = "{sys.executable}"', ""]
    fleet.inventory.write_text("\n".join(lines))
    fleet.known_hosts.unlink(missing_ok=True)
    for server in servers:
        server.known_hosts(fleet.known_hosts)
    hosts = {
        "user": fleet.server.user,
        "identity_file": str(fleet.server.identity_file),
        "ports": fleet.ports,
    }
    (folder / "hosts.json").write_text(json.dumps(hosts))
    return fleet


def garnet_status(fleet: Fleet, *arguments: str) -> Ran:
    """Run the whole command."""
    program = str(Path(sys.executable).with_name("garnet"))
    return run([program, "-i", str(fleet.inventory), "status", *arguments])


def check(fleet: Fleet, size: int) -> None:
    """Raise RuntimeError unless every node answers its facts and every proxy its status."""
    done = garnet_status(fleet, "--json")
    answered = json.loads(done.output or "[]")
    facts = sum(one["facts"] is not None for one in answered)
    proxies = sum(one["proxy"] is not None for one in answered)
    if (facts, proxies) != (size, min(size, PROXIES)):
        raise RuntimeError(f"{facts} of {size} nodes answer, {proxies} proxies: {done.errors[-2000:]}")


def run_garnet(fleet: Fleet) -> Ran:
    """Run `garnet status`: exit status 1 where proxies are down."""
    done = garnet_status(fleet)
    if done.code != int(len(fleet.ports) > PROXIES):
        raise RuntimeError(f"garnet status: exit status {done.code}\n{done.errors[-2000:]}")
    return done


def run_fabric(fleet: Fleet, command: str) -> Ran:
    """Run a command everywhere by Fabric, all at once."""
    hosts = str(fleet.folder / "hosts.json")
    done = run([sys.executable, "-m", "benchmarks.fabric_peer", hosts, command])
    if done.code:
        raise RuntimeError(f"fabric: exit status {done.code}\n{done.errors[-2000:]}")
    return done


def run_openssh(fleet: Fleet) -> Ran:
    """Run `true` everywhere by OpenSSH, a process and a connection each, some at a time."""
    server = fleet.server
    ssh = ["ssh", "-n", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    ssh += ["-o", f"UserKnownHostsFile={fleet.known_hosts}", "-o", "StrictHostKeyChecking=yes"]
    ssh += ["-i", str(server.identity_file), "-p", "PORT", f"{server.user}@{server.host}", "true"]
    ports = fleet.folder / "ports"
    ports.write_text("".join(f"{port}\n" for port in fleet.ports))
    each = ["xargs", "-P", str(AT_ONCE), "-I", "PORT", *ssh]
    done = run(["/bin/sh", "-c", f"exec {shlex.join(each)} < {shlex.quote(str(ports))}"])
    if done.code:
        raise RuntimeError(f"ssh: exit status {done.code}\n{done.errors[-2000:]}")
    return done


COMMANDS: Mapping[str, Callable[[Fleet], Ran]] = {
    OWN: run_garnet,
    OPENSSH: run_openssh,
    "fabric true, all at once": lambda fleet: run_fabric(fleet, "true"),
    "fabric python, all at once": lambda fleet: run_fabric(fleet, BARE_PYTHON),
}


def rounds_of(fleet: Fleet, rounds: int) -> Mapping[str, Sequence[Ran]]:
    """Run all commands in every round, after one round to warm up; the order rotates."""
    names = list(COMMANDS)
    found: dict[str, list[Ran]] = {name: [] for name in names}
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            ran = COMMANDS[name](fleet)
            if number > 0:
                found[name].append(ran)
    return found


def rows_of(size: int, found: Mapping[str, Sequence[Ran]]) -> list[tuple[object, ...]]:
    """Return one row a command; ratios are medians of each round's own ratio."""
    own = [ran.seconds for ran in found[OWN]]
    return [
        (
            *(name, size, median([ran.seconds for ran in taken]), min(ran.seconds for ran in taken)),
            median([ran.seconds / other for ran, other in zip(taken, own, strict=True)]),
            median([ran.cpu_seconds for ran in taken]),
            max(ran.peak_rss_bytes for ran in taken) / MEBIBYTE if name != OPENSSH else None,
        )
        for name, taken in found.items()
    ]


if __name__ == "__main__":
    main()
