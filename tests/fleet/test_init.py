"""`garnet init` against a real sshd."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from garnet_cli.fleet.host_keys import HostKey
from tests.fleet.sshd import Sshd, running

pytestmark = pytest.mark.fleet


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    """Yield a server whose key nobody knows yet."""
    with running(tmp_path / "sshd") as started:
        yield started


def fingerprint_of(server: Sshd) -> str:
    """Return what ``ssh-keygen -l`` says of the server's key."""
    kind, data = server.host_public_key.split()
    return HostKey(kind, data).fingerprint


def garnet(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    """Run a command with ``--json``; return its exit code, document and error output."""
    capsys.readouterr()
    stderr = io.StringIO()
    code = run([*arguments, "--json"], Output(stdout=sys.stdout, stderr=stderr, environment={}))
    captured = capsys.readouterr()
    return code, json.loads(captured.out) if captured.out else None, stderr.getvalue() + captured.err


def test_init_records_the_confirmed_key_and_may_run_again(
    server: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused while unconfirmed, recorded by fingerprint, known afterwards, refused when it changes."""
    inventory = tmp_path / "fleet.toml"
    place = f"mini-1={server.user}@{server.host}:{server.port}"
    command = ["-i", str(inventory), "init", "--name", "office", "--node", place, "--root", "/srv/garnet"]

    code, document, said = garnet(capsys, *command, "--yes")
    assert (code, document) == (4, None)
    assert f"mini-1: host key new and not confirmed ([127.0.0.1]:{server.port} offers" in said
    assert fingerprint_of(server) in said
    assert not (tmp_path / "known_hosts").exists()

    code, document, said = garnet(capsys, *command, "--fingerprint", fingerprint_of(server))
    assert (code, [each["node"] for each in document["recorded"]]) == (0, ["mini-1"])
    assert "is there and stays as it is" in said
    assert server.host_public_key in (tmp_path / "known_hosts").read_text()

    before = (inventory.read_bytes(), (tmp_path / "known_hosts").read_bytes())
    code, document, _ = garnet(capsys, *command)
    assert (code, document["recorded"], document["written"]) == (0, [], False)
    assert (inventory.read_bytes(), (tmp_path / "known_hosts").read_bytes()) == before

    server.stop()
    server.new_host_key()
    server.start()
    code, _, said = garnet(capsys, "-i", str(inventory), "init", "--keys-only", "mini-1")
    assert code == 4
    assert "mini-1: host key changed and not confirmed" in said
    code, document, _ = garnet(
        capsys, "-i", str(inventory), "init", "--keys-only", "mini-1", "--fingerprint", fingerprint_of(server)
    )
    assert (code, document["recorded"][0]["was"]) == (0, "changed")


def test_init_confirms_the_jump_host_before_it_asks_through_it(
    server: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The jump host's key is recorded first, by the same rules."""
    with running(tmp_path / "jump") as jump:
        jump.authorized_keys.write_text(server.identity_file.with_suffix(".pub").read_text())
        inventory = tmp_path / "fleet.toml"
        inventory.write_text(
            '[fleet]\nname = "office"\n[[nodes]]\nname = "mini-1"\nroot = "/srv/garnet"\n'
            f'host = "{server.host}"\nport = {server.port}\nidentity_file = "{server.identity_file}"\n'
            f'jump = "{jump.user}@{jump.host}:{jump.port}"\n'
        )
        command = ["-i", str(inventory), "init", "--keys-only"]
        code, _, said = garnet(capsys, *command, "--fingerprint", fingerprint_of(server))
        assert code == 4
        assert "jump host of mini-1: host key new" in said
        both = ["--fingerprint", fingerprint_of(server), "--fingerprint", fingerprint_of(jump)]
        code, document, said = garnet(capsys, *command, *both)
        assert code == 0, said
        assert [each["node"] for each in document["recorded"]] == ["jump host of mini-1", "mini-1"]
