"""Steps on small files, artifacts, loaders' folders, sockets and logs."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node_scripts.agent.artifact import checked_path, finish_artifact, have_artifact_files, push_artifact_file
from node_scripts.agent.context import Context
from node_scripts.agent.control import chat, control
from node_scripts.agent.environment import explain, install_commands
from node_scripts.agent.errors import StepError
from node_scripts.agent.facts import facts, listen_state
from node_scripts.agent.loaders import discard_loader, prepare_loader, test_loader, wait_loader
from node_scripts.agent.logs import Tail, logs
from node_scripts.agent.read_write import delete_file, read_secret, write_file
from node_scripts.artifacts import ManifestEntry
from tests.node_scripts.agent.local_agent import context_at
from tests.node_scripts.agent.test_release import payload_of

ask_test_prompts = test_loader
del test_loader


@pytest.fixture
def root() -> Iterator[Path]:
    """Yield a root that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="g", dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    "path",
    [
        "etc/passwd",
        "../etc/fleet.json",
        "/etc/fleet.json",
        "etc/fleet.json/",
        "state/slots.json",
        "state/swap-a/b.json",
    ],
)
def test_only_a_few_files_may_be_written(root: Path, path: str) -> None:
    """Neither outside the root nor what the proxy owns."""
    with pytest.raises(StepError) as caught:
        write_file(context_at(root), path=path, content="x", mode=0o600)
    assert caught.value.code == "bad_path"
    assert list(root.iterdir()) == []


def test_writing_twice_changes_nothing(root: Path) -> None:
    """Content and mode decide; the secret can be read back, deleted files be deleted again."""
    context = context_at(root)
    secret: dict[str, Any] = {"path": "etc/secrets.env", "content": "GARNET_FLEET_SECRET=ab12\n"}
    assert read_secret(context) == {"secret": None}
    assert write_file(context, **secret, mode=0o600) == {"changed": True}
    assert write_file(context, **secret, mode=0o600) == {"changed": False}
    assert write_file(context, **secret, mode=0o644) == {"changed": True}
    assert read_secret(context) == {"secret": "ab12"}
    assert facts(context)["secret_fingerprint"] == hashlib.sha256(b"ab12").hexdigest()[:12]
    assert delete_file(context, path="etc/secrets.env") == {"existed": True}
    assert delete_file(context, path="etc/secrets.env") == {"existed": False}


def test_facts_change_nothing(root: Path) -> None:
    """A node that was never set up can be looked at."""
    found = facts(context_at(root / "new"), listen="127.0.0.1:1", artifacts=["a"])
    assert found["release"] is None
    assert found["next_serial"] == 1
    assert found["memory_bytes"] > 0
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["/a", "../a", "a/../b", "a//b", "", ".", "a\\b", ".garnet-hashes.json", "MANIFEST.json"]
)
def test_artifacts_stay_below_their_folder(path: str) -> None:
    """A manifest is foreign data."""
    with pytest.raises(StepError):
        checked_path(path)


def push_file(context: Context, path: str, content: bytes) -> ManifestEntry:
    """Push one file of artifact ``a`` and return its manifest entry."""
    context.payload = payload_of(content)
    digest = hashlib.sha256(content).hexdigest()
    push_artifact_file(context, artifact="a", path=path, bytes=len(content), sha256=digest)
    return {"bytes": len(content), "sha256": digest}


def test_an_artifact_is_complete_only_when_every_file_is_right(root: Path) -> None:
    """Missing and altered files are named; the others need no second push."""
    context = context_at(root)
    manifest = {"config.json": push_file(context, "config.json", b'{"num_hidden_layers": 2, "x": 1}')}
    manifest["sub/w.bin"] = push_file(context, "sub/w.bin", b"weights")
    (root / "artifacts" / ".partial-a" / "sub" / "w.bin").write_bytes(b"altered")
    push_file(context, "left-over", b"of another revision")
    with pytest.raises(StepError, match=r"lacks sub/w\.bin"):
        finish_artifact(context, artifact="a", manifest=manifest)
    assert set(have_artifact_files(context, artifact="a")) == {"config.json", "left-over"}
    push_file(context, "sub/w.bin", b"weights")
    assert finish_artifact(context, artifact="a", manifest=manifest) == {"already": False}
    assert set(have_artifact_files(context, artifact="a")) == set(manifest)
    assert facts(context)["artifacts"] == {"a": {"bytes": 39, "config": {"num_hidden_layers": 2}}}


def test_serials_are_never_used_again(root: Path) -> None:
    """Not after a discard, and not when the counter was lost."""
    context = context_at(root)
    with pytest.raises(StepError, match="not complete"):
        prepare_loader(context, model="m", artifact="a")
    (root / "artifacts" / "a").mkdir(parents=True)
    first = prepare_loader(context, model="m.1", artifact="a")
    assert first["name"] == "loader-1"
    assert (root / "served" / "loader-1" / "m.1").resolve() == root.resolve() / "artifacts" / "a"
    assert first["http_socket"] == str(root / "run" / "loader-1.http")
    assert discard_loader(context, name="loader-1") == {"existed": True}
    assert discard_loader(context, name="loader-1") == {"existed": False}
    assert prepare_loader(context, model="m", artifact="a")["serial"] == 2
    assert facts(context)["loader_folders"] == ["loader-2"]
    (root / "state" / "serial.json").unlink()
    assert prepare_loader(context, model="m", artifact="a")["serial"] == 3


@pytest.mark.parametrize("name", ["loader-0", "../served", "loader-1/../x", "proxy"])
def test_only_loaders_are_discarded(root: Path, name: str) -> None:
    """Names come over the wire."""
    with pytest.raises(StepError):
        discard_loader(context_at(root), name=name)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as a loader or a proxy does."""

    def do_GET(self) -> None:
        """Answer a status."""
        self._answer(200, b'{"node": "mini-1"}')

    def do_POST(self) -> None:
        """Answer a completion: plain, streamed or refused."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["model"] == "unknown":
            self._answer(404, b'{"error": {"message": "no such model"}}')
        elif body.get("stream"):
            self._answer(
                200, b'data: {"a":1}\n\ndata: {"a":2}\n\n' + body.get("end", "data: [DONE]\n\n").encode()
            )
        else:
            self._answer(200, b'{"choices": [{"message": {"content": "x"}}]}')

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        """Return a name where there is no address."""
        return "unix"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingUnixStreamServer):
    """An HTTP server on a unix socket."""

    daemon_threads = True


@pytest.fixture
def served(root: Path) -> Iterator[Context]:
    """Yield a context whose loader-1 and proxy answer."""
    (root / "run").mkdir()
    servers = [Server(str(root / "run" / name), Handler) for name in ("loader-1.http", "proxy.sock")]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield context_at(root)
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_loader_that_answers_is_ready_and_tested(served: Context) -> None:
    """By real completions."""
    socket = str(served.paths.run / "loader-1.http")
    assert wait_loader(served, http_socket=socket, model="m", timeout_s=5)["elapsed_s"] < 5
    value = ask_test_prompts(
        served, http_socket=socket, model="m", prompts=["a", "b"], max_tokens=1, budget_ms=9
    )
    assert (value["answers"], len(value["latencies_ms"]), value["failures"]) == (2, 2, [])
    value = ask_test_prompts(
        served, http_socket=socket, model="unknown", prompts=["a"], max_tokens=1, budget_ms=9
    )
    assert value["failures"] == ["prompt 1: status 404: {'error': {'message': 'no such model'}}"]


def test_a_loader_that_never_answers_is_not_ready(root: Path) -> None:
    """The last reason is told; only this root's sockets are asked."""
    context = context_at(root)
    with pytest.raises(StepError) as caught:
        wait_loader(context, http_socket=str(root / "run" / "loader-1.http"), model="m", timeout_s=0.1)
    assert caught.value.code == "loader_not_ready"
    with pytest.raises(StepError, match="not a socket of this root"):
        wait_loader(context, http_socket="/run/docker.sock", model="m", timeout_s=0.1)


def test_control_and_chat_reach_the_proxy(served: Context) -> None:
    """Chat passes each event's data on, and a stream without its end is an error."""
    assert control(served, method="GET", path="/control/status") == {
        "status": 200,
        "body": {"node": "mini-1"},
    }
    seen: list[Any] = []
    served.send_progress = seen.append
    assert chat(served, body={"model": "m"}) == {}
    assert seen == [{"data": '{"a":1}'}, {"data": '{"a":2}'}]
    with pytest.raises(StepError, match="no such model") as caught:
        chat(served, body={"model": "unknown"})
    assert caught.value.code == "http_404"
    with pytest.raises(StepError, match="broke off"):
        chat(served, body={"model": "m", "end": ""})


def test_a_proxy_that_is_down_is_named(root: Path) -> None:
    """The action waits for it by this code."""
    with pytest.raises(StepError) as caught:
        control(context_at(root), method="GET", path="/control/status")
    assert caught.value.code == "proxy_down"


def test_an_address_is_free_or_taken_or_ours() -> None:
    """A listening stranger takes it; an address of another machine is not free either."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as stranger:
        port = stranger.server_address[1]
        assert listen_state({"listen": f"127.0.0.1:{port}"}, f"127.0.0.1:{port}") == "ours"
        assert listen_state(None, f"127.0.0.1:{port}") == "taken"
        assert listen_state(None, f"0.0.0.0:{port}") == "taken"
    assert listen_state(None, f"127.0.0.1:{port}") == "free"
    assert listen_state(None, f"192.0.2.1:{port}") == "taken"


def test_logs_are_read_from_their_end_and_followed_through_a_cut(root: Path) -> None:
    """The last lines; then what comes, also after copy and truncate."""
    (root / "log").mkdir()
    log = root / "log" / "proxy.log"
    log.write_text("one\ntwo\nthree\n")
    context = context_at(root)
    seen: list[Any] = []
    context.send_progress = seen.append
    logs(context, jobs=None, lines=2, follow=False)
    assert seen == [{"job": "proxy", "line": "two"}, {"job": "proxy", "line": "three"}]
    with pytest.raises(StepError, match="no log of loader-9"):
        logs(context, jobs=["loader-9"], lines=2, follow=False)
    tail = Tail(log)
    tail.last(0)
    with log.open("a") as stream:
        stream.write("four\nfi")
    assert tail.new() == ["four"]
    with log.open("a") as stream:
        stream.write("ve\n")
    assert tail.new() == ["five"]
    os.truncate(log, 0)
    log.write_text("six\n")
    assert tail.new() == ["six"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "no space",
        ),
        ("ERROR: No matching distribution found for mlx==0.29", "no matching wheel"),
        (
            "  error: Failed to fetch: `https://x/simple/mlx/` dns error: failed to lookup",
            "cannot be reached",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hash differs"),
        ("something else", "something else"),
    ],
)
def test_installers_failures_are_explained(line: str, told: str) -> None:
    """The likely cause, else the last line."""
    assert told in explain(["Collecting mlx", line])[0]


def test_install_commands_with_a_wheelhouse_never_ask_an_index() -> None:
    """With uv and without."""
    for uv in ("/bin/uv", None):
        make, install = install_commands(uv, "/p/python", Path("/e"), Path("/r/lock"), Path("/w"))
        assert "/e" in make
        start = install.index("--require-hashes")
        assert install[start:] == [
            "--require-hashes",
            "--no-index",
            "--find-links",
            "/w",
            "--requirement",
            "/r/lock",
        ]
