"""Ask a fleet's parts directly: raw HTTP to a node's port, its proxy's control socket, its agent."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from garnet_cli.fleet.node import NodeHandle, NodeTarget
from node_scripts.agent.unix_http import request_json
from tests.conftest import CACHE, ROOT
from tests.fleet.rack import RackNode

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """What the model said."""
        choice = self.json["choices"][0]
        return str(choice["message"]["content"] if "message" in choice else choice["text"])


def post(node: RackNode, body: bytes | Mapping[str, Any], path: str = CHAT, timeout_s: float = 60) -> Answer:
    """Send one request as it is and read the whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=timeout_s)
    try:
        connection.request("POST", path, body=data, headers={"Content-Type": "application/json"})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def chat(model: str, content: str = "hello", max_tokens: int = 4, **more: Any) -> dict[str, Any]:
    """Return the body of an ordinary chat request."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": max_tokens,
        **more,
    }


def send_and_leave(node: RackNode, body: Mapping[str, Any], path: str = CHAT) -> socket.socket:
    """Send a request and return the socket without reading: close it to be a client that went away."""
    data = json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", node.port), timeout=30)
    head = f"POST {path} HTTP/1.1\r\nHost: garnet\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    return connection


def proxy_status(node: RackNode) -> dict[str, Any]:
    """Return what the node's proxy says of itself; raises KeyError while it does not answer."""
    path = str(node.root / "run" / "proxy.sock")
    try:
        status, body = request_json(path, "GET", "/control/status", None, 10)
    except (OSError, http.client.HTTPException) as error:
        raise KeyError(node.name) from error
    assert status == 200, body
    return dict(body)


def active_loader(node: RackNode, model: str) -> dict[str, Any]:
    """Return the status of a slot's active loader; raises KeyError while there is none."""
    slot = next((slot for slot in proxy_status(node)["slots"] if slot["model"] == model), None)
    if slot is None or slot["active"] is None:
        raise KeyError(model)
    return dict(slot["active"])


def ready_loader(node: RackNode, model: str) -> dict[str, Any] | None:
    """Return the status of a slot's active loader if it is ready and its pid is known."""
    loader = active_loader(node, model)
    return loader if loader["state"] == "ready" and loader["pid"] else None


def local_agent(node: RackNode) -> NodeHandle:
    """Return a handle of a node on this machine, as another operator's command would open it."""
    target = NodeTarget(
        name=node.name,
        transport="local",
        root=str(node.root),
        python=str(ROOT / ".venv" / "bin" / "python"),
        environments=str(CACHE / "envs"),
    )
    return NodeHandle(target)
