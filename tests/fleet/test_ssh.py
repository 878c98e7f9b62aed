"""The SSH transport against a real OpenSSH server."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from garnet_cli.errors import HostKeyError, LeaseHeldError, UnreachableError
from garnet_cli.fleet.host_keys import add_host_keys
from garnet_cli.fleet.node import Jump, NodeHandle, NodeTarget
from garnet_cli.fleet.parallel import attempt_each
from garnet_cli.fleet.ssh import SshTransport
from tests.fleet.sshd import KEYGEN, Sshd, free_port, make_key, running

pytestmark = pytest.mark.fleet
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Run one server for the tests that leave it as it is."""
    with running(tmp_path_factory.mktemp("sshd")) as started:
        yield started


@pytest.fixture
def known_hosts(server: Sshd, tmp_path: Path) -> Path:
    """Return a known_hosts file with the server's key."""
    return server.known_hosts(tmp_path / "known_hosts")


def target_of(server: Sshd, root: Path, **changes: object) -> NodeTarget:
    """Return how to reach ``root`` through ``server``."""
    settings: dict[str, object] = {
        "name": "mini-1",
        "transport": "ssh",
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "identity_file": server.identity_file,
        "root": str(root),
        "python": sys.executable,
    }
    return NodeTarget(**(settings | changes))  # type: ignore[arg-type]


def until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.02)


def test_asks_and_payloads_pass(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """A wheel pushed over SSH arrives whole, and its hash is listed."""
    content = os.urandom(3 * 1024 * 1024)
    digest = hashlib.sha256(content).hexdigest()
    with NodeHandle(target_of(server, tmp_path / "root"), known_hosts) as node:
        node.ask("push_wheel", payload=content, name="a-1-py3-none-any.whl", sha256=digest)
        assert node.ask("list_wheels") == {"a-1-py3-none-any.whl": digest}


def test_an_unknown_key_is_refused_with_its_fingerprint(server: Sshd, tmp_path: Path) -> None:
    """The operator is shown what `ssh-keygen -l` shows on the node."""
    shown = subprocess.run(
        [str(KEYGEN), "-lf", str(server.folder / "host_key.pub")], capture_output=True, text=True, check=True
    )
    with (
        NodeHandle(target_of(server, tmp_path), tmp_path / "none") as node,
        pytest.raises(HostKeyError) as caught,
    ):
        node.ask("facts")
    assert shown.stdout.split()[1] in str(caught.value)
    assert "mini-1: " in str(caught.value)
    assert "garnet init" in str(caught.value)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_changed_key_is_refused(server: Sshd, tmp_path: Path, kind: str) -> None:
    """A known host that shows another key, of the same kind or not, gets no login."""
    other = tmp_path / "other"
    subprocess.run([str(KEYGEN), "-q", "-t", kind, "-N", "", "-f", str(other)], check=True)
    key = " ".join(other.with_suffix(".pub").read_text().split()[:2])
    known = tmp_path / "known"
    known.write_text(f"[{server.host}]:{server.port} {key}\n")
    with NodeHandle(target_of(server, tmp_path), known) as node, pytest.raises(HostKeyError, match="changed"):
        node.ask("facts")


def test_scanned_keys_make_a_host_known(server: Sshd, tmp_path: Path) -> None:
    """What a scan finds lets the next connection in; adding it twice changes nothing."""
    target = target_of(server, tmp_path / "root")
    keys = SshTransport(target, None).scan()
    assert [f"{key.kind} {key.data}" for key in keys] == [server.host_public_key]
    known = tmp_path / "known"
    assert add_host_keys(known, server.host, server.port, keys)
    assert not add_host_keys(known, server.host, server.port, keys)
    with NodeHandle(target, known) as node:
        assert node.ask("facts")["lease"] is None


def test_a_wrong_user_key_is_named(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """The error says who was refused and where to look."""
    target = target_of(server, tmp_path, identity_file=make_key(tmp_path / "stranger"))
    with (
        NodeHandle(target, known_hosts) as node,
        pytest.raises(UnreachableError, match="refuses the login") as caught,
    ):
        node.ask("facts")
    assert "authorized_keys" in str(caught.value)


def test_a_missing_user_key_is_named(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """A mistyped identity file is one line."""
    target = target_of(server, tmp_path, identity_file=tmp_path / "nowhere")
    with NodeHandle(target, known_hosts) as node, pytest.raises(UnreachableError, match="identity_file"):
        node.ask("facts")


def test_a_dead_port_is_named(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """Nobody listens: refused at once."""
    target = target_of(server, tmp_path, port=free_port())
    with (
        NodeHandle(target, known_hosts) as node,
        pytest.raises(UnreachableError, match="refuses connections"),
    ):
        node.ask("facts")


def test_a_name_that_does_not_resolve_is_named(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """The DNS is told from the node."""
    target = target_of(server, tmp_path, host="no-such-host.invalid")
    with NodeHandle(target, known_hosts) as node, pytest.raises(UnreachableError, match="cannot be resolved"):
        node.ask("facts")


def test_a_silent_port_times_out(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """A port that accepts and says nothing is given up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = target_of(server, tmp_path, port=silent.getsockname()[1], connect_timeout_s=0.3)
        transport = SshTransport(target, known_hosts, sleep=lambda _seconds: None)
        with pytest.raises(UnreachableError):
            transport.open(["/bin/true"])


def test_a_missing_python_is_one_line(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """The launcher's own error arrives as an error of the node."""
    target = target_of(server, tmp_path, python="/nowhere/python3")
    with (
        NodeHandle(target, known_hosts) as node,
        pytest.raises(Exception, match="not an executable; install Python"),
    ):
        node.ask("facts")


def test_a_jump_host_is_gone_through(server: Sshd, tmp_path: Path) -> None:
    """Both keys are checked; the node behind is reached."""
    with running(tmp_path / "jump") as jump:
        jump.authorized_keys.write_text(server.authorized_keys.read_text())
        hop = Jump(user=jump.user, host=jump.host, port=jump.port)
        target = target_of(server, tmp_path / "root", jump=hop)
        known = server.known_hosts(tmp_path / "known")
        with NodeHandle(target, known) as node, pytest.raises(HostKeyError, match=str(jump.port)):
            node.ask("facts")
        jump.known_hosts(known)
        with NodeHandle(target, known) as node:
            assert node.ask("facts")["root"] == str(tmp_path / "root")
        assert [key.kind for key in SshTransport(target, known).scan()] == ["ssh-ed25519"]


def test_connections_that_the_server_drops_are_tried_again(tmp_path: Path) -> None:
    """A server past its MaxStartups lets all of twelve nodes in, in the end."""
    options = "MaxStartups 2:50:6" + ("\nPerSourcePenalties no" if _penalties() else "")
    with running(tmp_path / "sshd", options) as busy:
        known = busy.known_hosts(tmp_path / "known")
        nodes = [
            NodeHandle(target_of(busy, tmp_path / "root", name=f"mini-{number}"), known)
            for number in range(12)
        ]
        with contextlib.ExitStack() as stack:
            for node in nodes:
                stack.enter_context(node)
            outcomes = attempt_each(nodes, lambda node: node.ask("list_wheels"))
        assert outcomes == {f"mini-{number}": {} for number in range(12)}


def _penalties() -> bool:
    """Say whether this OpenSSH (9.8 and later) punishes sources of failed connections."""
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    major, minor = said.split("_")[1].split("p")[0].split(".")[:2]
    return (int(major), int(minor)) >= (9, 8)


def test_an_agent_killed_within_a_step_is_reported(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """The step raises; a fresh handle works."""
    target = target_of(server, tmp_path / "root")
    killed: list[int] = []

    def kill(value: dict[str, str]) -> None:
        if not killed:
            killed.append(agents_of(tmp_path / "root")[0])
            os.kill(killed[0], signal.SIGKILL)

    socket_path = str(tmp_path / "root" / "run" / "loader-1.http")
    with NodeHandle(target, known_hosts) as node:
        with pytest.raises(UnreachableError, match="run the command again"):
            node.ask("wait_loader", progress=kill, http_socket=socket_path, model="m", timeout_s=60)
        with pytest.raises(UnreachableError):
            node.ask("facts")
    with NodeHandle(target, known_hosts) as node:
        assert node.ask("facts")["lease"] is None


def test_a_push_that_was_cut_is_repeated(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """The cut push leaves no file; the repeated one is whole; what had arrived is not asked again."""
    root = tmp_path / "root"
    target = target_of(server, root)
    content = os.urandom(8 * 1024 * 1024)
    digest = hashlib.sha256(content).hexdigest()
    name: dict[str, Any] = {"artifact": "abc", "path": "weights.bin", "bytes": len(content), "sha256": digest}

    def cut_midway() -> Iterator[bytes]:
        yield content[: len(content) // 2]
        part = root / "artifacts" / ".partial-abc" / ".weights.bin.part"
        until(part.exists)
        server.cut_sessions()
        yield content[len(content) // 2 :]

    with NodeHandle(target, known_hosts) as node, pytest.raises(UnreachableError):
        node.ask("push_artifact_file", payload=cut_midway(), payload_bytes=len(content), **name)
    until(lambda: not agents_of(root))
    with NodeHandle(target, known_hosts) as node:
        assert node.ask("have_artifact_files", artifact="abc") == {}
        node.ask("push_artifact_file", payload=content, **name)
        assert node.ask("have_artifact_files", artifact="abc") == {"weights.bin": digest}
        manifest = {"weights.bin": {"bytes": len(content), "sha256": digest}}
        assert node.ask("finish_artifact", artifact="abc", manifest=manifest) == {"already": False}
        assert node.ask("finish_artifact", artifact="abc", manifest=manifest) == {"already": True}
        facts = node.ask("facts", artifacts=["abc"])
    assert facts["artifacts"]["abc"]["bytes"] == len(content)
    assert (root / "artifacts" / "abc" / "weights.bin").read_bytes() == content
    assert [path.name for path in (root / "artifacts" / "abc").glob("*.bin")] == ["weights.bin"]


def test_the_lease_is_freed_by_the_holders_death(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """A second operator is told who holds the node, and gets it when the first is killed."""
    target = target_of(server, tmp_path / "root")
    program = (
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from garnet_cli.fleet.node import NodeHandle, NodeTarget\n"
        f"target = NodeTarget(name='mini-1', transport='ssh', host={target.host!r}, port={target.port},\n"
        f"    user={target.user!r}, identity_file=Path({str(target.identity_file)!r}),\n"
        f"    root={target.root!r}, python={target.python!r})\n"
        f"node = NodeHandle(target, Path({str(known_hosts)!r}))\n"
        "node.ask('take_lease', who='ada@desk', purpose='garnet swap mini-1 m')\n"
        "print('held', flush=True)\n"
        "threading.Event().wait()\n"
    )
    first = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path.cwd())
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with NodeHandle(target, known_hosts) as second:
            with pytest.raises(
                LeaseHeldError, match=r"ada@desk is changing this node \(garnet swap mini-1 m\)"
            ):
                second.ask("take_lease", who="bob@desk", purpose="garnet up")
            assert second.ask("facts")["lease"]["who"] == "ada@desk"
            first.kill()
            first.wait()

            def free() -> bool:
                return second.ask("facts")["lease"] is None

            until(free)
            second.ask("take_lease", who="bob@desk", purpose="garnet up")
    finally:
        first.kill()
        first.wait()
        if first.stdout:
            first.stdout.close()


def test_closing_ends_a_step_that_never_ends(server: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    """Following logs ends when another thread closes the handle."""
    root = tmp_path / "root"
    (root / "log").mkdir(parents=True)
    (root / "log" / "proxy.log").write_text("one\n")
    with NodeHandle(target_of(server, root), known_hosts) as node:
        seen = threading.Event()

        def close_later() -> None:
            seen.wait(PATIENCE_S)
            node.close()

        threading.Thread(target=close_later, daemon=True).start()
        with pytest.raises(UnreachableError, match="closed"):
            node.ask("logs", progress=lambda _value: seen.set(), jobs=None, lines=5, follow=True)
    until(lambda: not agents_of(root))


def agents_of(root: Path) -> list[int]:
    """Return the pids of the agents that serve ``root``."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(root) in (process.info["cmdline"] or []) and "-S" in process.info["cmdline"]
    ]
