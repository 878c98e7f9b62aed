"""`garnet keys` on real agents, in folders of this machine."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output

pytestmark = pytest.mark.fleet

INVENTORY = """\
[fleet]
name = "pair"
[[nodes]]
name = "one"
transport = "local"
root = "one"
[[nodes]]
name = "two"
transport = "local"
root = "two"
listen = "127.0.0.1:8081"
"""


def test_a_key_is_shown_once_and_its_revocation_reaches_every_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Added on both nodes as a hash; revoked on both, also where one had missed the key."""
    inventory = tmp_path / "fleet.toml"
    inventory.write_text(INVENTORY)

    def garnet(*arguments: str) -> str:
        output = Output(stdout=sys.stdout, stderr=sys.stderr, environment={})
        assert run(["-i", str(inventory), "keys", *arguments], output) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    key = garnet("add", "team").strip()
    digest = hashlib.sha256(key.encode()).hexdigest()
    files = [tmp_path / name / "etc" / "keys.json" for name in ("one", "two")]
    for file in files:
        assert json.loads(file.read_text())["keys"][0]["sha256"] == digest
        assert key not in file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600

    files[1].write_text('{"schema": 1, "keys": []}')
    garnet("revoke", "team")
    for file in files:
        assert json.loads(file.read_text())["keys"][0]["revoked"] is not None
    listed = json.loads(garnet("list", "--json"))
    assert [(each["name"], each["sha256"]) for each in listed["keys"]] == [("team", digest)]
    assert listed["differ"] == {}

    revoked = files[1].read_text()
    live = json.loads(revoked)
    live["keys"][0]["revoked"] = None
    files[1].write_text(json.dumps(live))
    output = Output(stdout=sys.stdout, stderr=sys.stderr, environment={})
    assert run(["-i", str(inventory), "keys", "list"], output) == 1
    told = capsys.readouterr()
    assert "team" in told.out
    assert "two: still accepts team; `garnet up` brings it the list above" in told.err
