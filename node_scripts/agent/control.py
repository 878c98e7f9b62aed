"""Steps that talk to the node's proxy over its control socket."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.unix_http import UnixConnection, request_json

CONTROL_TIMEOUT_S = 20.0
CHAT_TIMEOUT_S = 300.0
PATHS = re.compile(r"/(control/[A-Za-z0-9._/?=&-]*|health|v1/models)")
OK = 200


def control(context: Context, *, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Send one request to the proxy. Error ``proxy_down`` when it does not answer."""
    if not PATHS.fullmatch(path) or method not in ("GET", "PUT", "POST", "DELETE"):
        raise StepError("bad_arguments", f"{method} {path} is not a control request")
    socket = str(context.paths.control_socket)
    try:
        status, answer = request_json(socket, method, path, body, CONTROL_TIMEOUT_S)
    except (OSError, http.client.HTTPException) as error:
        raise _proxy_down(error) from error
    return {"status": status, "body": answer}


def chat(context: Context, *, body: dict[str, Any]) -> dict[str, Any]:
    """Stream one chat completion through the proxy, as trusted: each event's data is progress.

    Errors: ``proxy_down``; ``http_<status>`` with the proxy's own words; ``broken_stream``.
    """
    connection = UnixConnection(str(context.paths.control_socket), CHAT_TIMEOUT_S)
    headers = {"Content-Type": "application/json"}
    try:
        content = json.dumps({**body, "stream": True}).encode()
        connection.request("POST", "/v1/chat/completions", body=content, headers=headers)
        response = connection.getresponse()
        if response.status != OK:
            raise StepError(f"http_{response.status}", _openai_message(response.read()))
        done = _pass_events_on(context, response)
    except (OSError, http.client.HTTPException) as error:
        raise _proxy_down(error) from error
    finally:
        connection.close()
    if not done:
        raise StepError("broken_stream", "the answer broke off", remedy="ask again")
    return {}


def _pass_events_on(context: Context, response: http.client.HTTPResponse) -> bool:
    """Send each event's data to the operator; return whether the stream came to its proper end."""
    while line := response.readline():
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip().decode()
        if data == "[DONE]":
            return True
        if data.startswith('{"error"'):
            raise StepError("broken_stream", _openai_message(data.encode()))
        context.progress({"data": data})
    return False


def _openai_message(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")[:500]


def _proxy_down(error: Exception) -> StepError:
    return StepError(
        "proxy_down",
        f"the proxy does not answer: {error or type(error).__name__}",
        remedy="look at `garnet status` and `garnet logs`",
    )
