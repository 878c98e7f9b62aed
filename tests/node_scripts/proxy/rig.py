"""A node's proxy in the test's own process, with stub loaders and a bare HTTP client."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from node_scripts.contracts import (
    SCHEMA,
    ClientKey,
    FleetConfig,
    Keys,
    ModelConfig,
    PeerConfig,
    ProxyConfig,
    Slot,
)
from node_scripts.paths import NodePaths
from node_scripts.proxy.server import Server, ServerOptions
from node_scripts.proxy.watch import WatchLimits
from tests.node_scripts.proxy.stub_loader import StubLoader

SECRET = "ab" * 32
QUIET_LOOKS = 5
READY_S = 30.0
"""A stub answers its first probe at once, unless the machine is busy."""
KEY = "sk-garnet-test"
QUICK = WatchLimits(
    interval_s=0.05, probe_timeout_s=0.3, stats_timeout_s=0.3, stats_interval_s=0.1, kill_after_s=1.0
)


@dataclass
class Answer:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def events(self) -> list[str]:
        """The payloads of a stream's data events."""
        return [part[6:] for part in self.body.decode().split("\n\n") if part.startswith("data: ")]

    @property
    def text(self) -> str:
        """The text of a stream or of a whole answer, chat or not."""
        if not self.headers["content-type"].startswith("text/event-stream"):
            choice = self.json["choices"][0]
            return str(choice["message"]["content"] if "message" in choice else choice["text"])
        chunks = [json.loads(data) for data in self.events if data != "[DONE]"]
        choices = [choice for chunk in chunks for choice in chunk.get("choices", [])]
        return "".join(
            choice["delta"].get("content", "") if "delta" in choice else choice["text"] for choice in choices
        )

    @property
    def complete(self) -> bool:
        """Whether a stream ended with ``[DONE]``."""
        return self.events[-1:] == ["[DONE]"]

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json["error"]["code"])


async def send(
    address: Path | tuple[str, int],
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send one request on a new connection and read the answer to its end."""
    reader, writer = await open_connection(address)
    try:
        writer.write(request_bytes(method, path, body, headers))
        raw = await reader.read(-1)
    finally:
        writer.close()
    return parse_answer(raw)


async def open_connection(
    address: Path | tuple[str, int],
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a unix socket or to host and port."""
    if isinstance(address, Path):
        return await asyncio.open_unix_connection(str(address))
    return await asyncio.open_connection(*address)


def request_bytes(method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> bytes:
    """Build a request that closes its connection."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    given = {"host": "x", "connection": "close", "content-length": str(len(content)), **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def parse_answer(raw: bytes) -> Answer:
    """Read an answer whose connection was closed; a chunked one must be whole."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        parts = []
        while True:
            size, _, rest = body.partition(b"\r\n")
            length = int(size, 16)
            if length == 0:
                break
            parts.append(rest[:length])
            body = rest[length + 2 :]
        body = b"".join(parts)
    return Answer(int(lines[0].split()[1]), headers, body)


async def until(condition: Callable[[], bool], what: str, timeout_s: float = 8.0) -> None:
    """Wait for a condition."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.005)


@dataclass
class RigNode:
    """One node under test."""

    name: str
    root: Path
    stubs: dict[str, StubLoader]
    server: Server
    models: list[ModelConfig]
    proxy: dict[str, Any] = field(default_factory=dict)
    keys: list[ClientKey] = field(default_factory=list)
    peers: list[PeerConfig] = field(default_factory=list)

    @property
    def paths(self) -> NodePaths:
        """The node's files."""
        return NodePaths.at(self.root)

    @property
    def port(self) -> int:
        """The public port."""
        return int(self.server.node.listen.rpartition(":")[2])

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect."""
        return ("127.0.0.1", self.port)

    def loader(self, name: str = "loader-1") -> Any:
        """Return the proxy's own view of a loader."""
        return self.server.node.registry.loaders[name]

    async def ask(
        self, content: str = "hello", *, stream: bool = False, path: str = "/v1/chat/completions", **more: Any
    ) -> Answer:
        """Ask the public port for a completion."""
        body = completion(content, stream=stream, **more)
        return await send(self.address, "POST", path, body, {"authorization": f"Bearer {KEY}"})

    async def control(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask the control socket."""
        if body is not None:
            body = msgspec.json.encode(body)
        return await send(self.paths.control_socket, method, path, body)

    async def put(self, **places: StubLoader) -> Answer:
        """Put the slot of the stubs' model."""
        model = next(iter(places.values())).spec.model
        slot = Slot(model=model, **{place: stub.spec for place, stub in places.items()})
        return await self.control("PUT", f"/control/slots/{model}", slot)


def completion(
    content: str = "hello", *, stream: bool = False, model: str = "tiny", **more: Any
) -> dict[str, Any]:
    """Build a chat completion's body."""
    body = {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": 8, **more}
    return {**body, "stream": True} if stream else body


def client_key(key: str = KEY, revoked: str | None = None) -> ClientKey:
    """Make a key at rest."""
    return ClientKey(
        name=f"key-{key[-4:]}",
        sha256=hashlib.sha256(key.encode()).hexdigest(),
        created="2026-01-01T00:00:00Z",
        revoked=revoked,
    )


def write_settings(
    root: Path,
    name: str,
    models: Sequence[ModelConfig],
    proxy: dict[str, Any],
    keys: Sequence[ClientKey],
    peers: Sequence[PeerConfig],
    *,
    secret: str | None = SECRET,
) -> None:
    """Write a node's etc/."""
    paths = NodePaths.at(root)
    paths.make()
    config = FleetConfig(
        schema=SCHEMA,
        fleet="test",
        node=name,
        peers=list(peers),
        models=list(models),
        proxy=ProxyConfig(**{"listen_host": "127.0.0.1", "listen_port": 0, **proxy}),
    )
    paths.fleet_file.write_bytes(msgspec.json.encode(config))
    paths.keys_file.write_bytes(msgspec.json.encode(Keys(schema=SCHEMA, keys=list(keys))))
    if secret is not None:
        paths.secrets_file.write_text(f"GARNET_FLEET_SECRET={secret}\n")


def model_config(name: str = "tiny", nodes: Sequence[str] = ("one",), concurrency: int = 8) -> ModelConfig:
    """Make a model's limits."""
    return ModelConfig(name=name, nodes=list(nodes), concurrency=concurrency, context=4096)


@asynccontextmanager
async def node(
    name: str = "one",
    *,
    loaders: Sequence[str] = ("a",),
    models: Sequence[ModelConfig] | None = None,
    keys: Sequence[ClientKey] = (),
    peers: Sequence[PeerConfig] = (),
    watch: WatchLimits = QUICK,
    drain_s: float = 1.0,
    wait: bool = True,
    **proxy: Any,
) -> AsyncIterator[RigNode]:
    """Run a node with one stub a word in ``loaders``: ``loader-1``… ; the first is active."""
    with tempfile.TemporaryDirectory(prefix="garnet-") as folder:
        root = Path(folder)
        models = list(models or [model_config()])
        write_settings(root, name, models, proxy, keys, peers)
        stubs = {}
        for serial, word in enumerate(loaders, 1):
            stubs[word] = await StubLoader(NodePaths.at(root).run, f"loader-{serial}", word=word).start()
        server = Server(NodePaths.at(root), ServerOptions(drain_s=drain_s, watch_limits=watch))
        await server.start()
        rig = RigNode(name, root, stubs, server, models, proxy, list(keys), list(peers))
        try:
            if loaders and wait:
                async with asyncio.timeout(READY_S):
                    while (answer := await rig.put(active=stubs[loaders[0]])).status != 200:
                        assert b"loader_not_answering" in answer.body, answer.body
            yield rig
        finally:
            await rig.server.stop()
            await end_stubs(list(stubs.values()))


async def end_stubs(stubs: Sequence[StubLoader]) -> None:
    """Stop the stubs, with connections that are only being made: these show a moment later."""
    quiet = 0
    while quiet < QUIET_LOOKS:
        busy = any(stub.connections for stub in stubs)
        for stub in stubs:
            stub.stop()
        quiet = 0 if busy else quiet + 1
        await asyncio.sleep(0.002)


async def acquaint(*nodes: RigNode) -> None:
    """Make nodes each other's peers and wait until they know it."""
    for one in nodes:
        one.peers = [
            PeerConfig(name=other.name, host="127.0.0.1", port=other.port)
            for other in nodes
            if other is not one
        ]
        write_settings(
            one.root, one.name, one.models, {**one.proxy, "listen_port": one.port}, one.keys, one.peers
        )
        answer = await one.control("POST", "/control/reload")
        assert answer.status == 200, answer.body
    for one in nodes:
        await until(
            lambda one=one: all(peer.reachable for peer in one.server.node.peers.values()),  # type: ignore[misc]
            "peers reach each other",
        )
