"""The ASGI application: who asks, for what, and in whose name the answer goes out.

The same application runs on the public port and, marked trusted, on the control socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
import traceback
from typing import Literal

import msgspec

from node_scripts.contracts import HEARTBEAT_PATH, PEER_HEADER
from node_scripts.proxy import refusals
from node_scripts.proxy.attempt import SUSPECT_HEADER
from node_scripts.proxy.call import Call
from node_scripts.proxy.departure import departure_of
from node_scripts.proxy.identity import verify_peer
from node_scripts.proxy.node import Node
from node_scripts.proxy.openai_errors import RequestRejectedError
from node_scripts.proxy.replies import Receive, Reply, Scope, Send
from node_scripts.proxy.service import StreamBrokenError
from node_scripts.proxy.validation import Limits, parse, peek_model

_LOG = logging.getLogger("garnet.proxy.app")

_KINDS: dict[str, Literal["chat", "text"]] = {"/v1/chat/completions": "chat", "/v1/completions": "text"}
_MODELS_PATH = "/v1/models"
_HEALTH_PATH = "/health"
_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SERVER_ERRORS = 500


class GoneError(Exception):
    """The client went away while its request was being read."""


class Asked:
    """A request's head."""

    __slots__ = ("authorization", "length", "method", "path", "peer", "request_id", "suspect")

    def __init__(self, scope: Scope) -> None:
        """Read the headers that matter."""
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.authorization: bytes | None = None
        self.length: bytes | None = None
        self.peer: bytes | None = None
        self.suspect = False
        given_id: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                self.authorization = value
            elif name == b"content-length":
                self.length = value
            elif name == _PEER_HEADER:
                self.peer = value
            elif name == b"x-request-id":
                given_id = value
            elif name == _SUSPECT_HEADER:
                self.suspect = True
        if self.peer is not None and given_id is not None and _REQUEST_ID.fullmatch(given_id):
            self.request_id = given_id.decode()
        else:
            self.request_id = "req-" + os.urandom(12).hex()


_PEER_HEADER = PEER_HEADER.encode()
_SUSPECT_HEADER = SUSPECT_HEADER.encode()


class App:
    """Answers one kind of listener: the public port, or the trusted socket."""

    def __init__(self, node: Node, *, trusted: bool) -> None:
        """Answer for ``node``; ``trusted`` callers need no key."""
        self._node = node
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            raise RuntimeError(f"not HTTP: {scope['type']}")
        asked = Asked(scope)
        node = self._node
        counters = node.counters
        reply = Reply(send, asked.request_id, node.settings.fleet.node.encode())
        departure = departure_of(scope)
        departure.watch(asyncio.current_task())
        counters.in_flight += 1
        try:
            await self.answer(asked, scope, receive, reply)
        except RequestRejectedError as error:
            if error.status >= _SERVER_ERRORS:
                counters.failed += 1
            else:
                counters.rejected += 1
            await reply.rejected(error, close=error.code == "request_too_large")
        except StreamBrokenError:
            counters.failed += 1
        except GoneError:
            pass
        except asyncio.CancelledError:
            departure.forgive()
            if not departure.gone:
                counters.failed += 1
                await self._end(reply, refusals.stopping())
        except Exception as error:  # noqa: BLE001 -- the boundary: any failure becomes a 500 and a log entry
            self._log_failure(error, asked)
            await self._end(reply, refusals.internal(asked.request_id))
        finally:
            departure.watch(None)
            counters.in_flight -= 1

    async def answer(self, asked: Asked, scope: Scope, receive: Receive, reply: Reply) -> None:
        """Route one request by its path."""
        path = asked.path
        kind = _KINDS.get(path)
        if kind is not None:
            if asked.method != "POST":
                raise refusals.wrong_method(asked.method, path, "POST")
            await self._complete(kind, asked, scope, receive, reply)
            return
        if path not in (_HEALTH_PATH, HEARTBEAT_PATH) and not path.startswith(_MODELS_PATH):
            raise refusals.no_such_path(asked.method, path)
        if asked.method != "GET":
            raise refusals.wrong_method(asked.method, path, "GET")
        if path == _HEALTH_PATH:
            await self._health(reply)
        elif path == HEARTBEAT_PATH:
            self._admit_peer(asked, b"")
            await reply.whole(200, msgspec.json.encode(self._node.heartbeat()))
        else:
            self._admit_client(asked, scope)
            await self._models(path, asked, reply)

    # --- who asks ---------------------------------------------------------------------------

    def _admit_client(self, asked: Asked, scope: Scope) -> None:
        """Let a client in by its key; without any key in force, callers on this machine only."""
        if self._trusted:
            return
        keys = self._node.settings.keys
        if len(keys) == 0:
            client = scope.get("client")
            if client is not None and client[0] in _LOOPBACK:
                return
        elif keys.admits(asked.authorization):
            return
        raise refusals.not_authorized(given=asked.authorization is not None)

    def _admit_peer(self, asked: Asked, body: bytes) -> None:
        known = None
        settings = self._node.settings
        if asked.peer is not None:
            known = verify_peer(settings.secret, asked.peer, time.time(), asked.method, asked.path, body)
        if known is None:
            raise refusals.not_authorized(given=asked.peer is not None)

    # --- completions ------------------------------------------------------------------------

    async def _complete(
        self, kind: Literal["chat", "text"], asked: Asked, scope: Scope, receive: Receive, reply: Reply
    ) -> None:
        node = self._node
        node.counters.requests += 1
        settings = node.settings
        forwarded = asked.peer is not None
        if not forwarded:
            self._admit_client(asked, scope)
        body = await self.read_body(asked, receive)
        if forwarded:
            self._admit_peer(asked, body)
        model = peek_model(body)
        gate = node.gates.get(model)
        if gate is None:
            raise refusals.unknown_model(model, node.served_models())
        active = gate.active
        limits = Limits(
            max_tokens=settings.fleet.proxy.max_tokens_limit,
            context=gate.config.context,
            vocabulary_size=None if active is None else active.vocabulary_size,
        )
        parsed = parse(kind, body, limits)
        now = asyncio.get_running_loop().time()
        deaths = node.poison.deaths(parsed.digest, now) if len(node.poison) else 0
        if deaths and node.poison.refused(parsed.digest, now):
            raise refusals.poisonous()
        call = Call(
            parsed,
            asked.path,
            request_id=asked.request_id,
            forwarded=forwarded,
            suspect=deaths > 0 or (forwarded and asked.suspect),
            arrived=now,
            queue_timeout_s=settings.fleet.proxy.queue_timeout_s,
        )
        await node.service.serve(call, gate, reply)

    async def read_body(self, asked: Asked, receive: Receive) -> bytes:
        """Read the body, up to the configured limit. Raises GoneError if the client goes away."""
        limit = self._node.settings.fleet.proxy.max_body_bytes
        if asked.length is not None and int(asked.length) > limit:
            raise refusals.body_too_large(limit)
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body"):
            if len(body) > limit:
                raise refusals.body_too_large(limit)
            return body
        parts = bytearray()
        while True:
            if message["type"] == "http.disconnect":
                raise GoneError
            parts += message.get("body", b"")
            if len(parts) > limit:
                raise refusals.body_too_large(limit)
            if not message.get("more_body"):
                return bytes(parts)
            message = await receive()

    # --- the rest ---------------------------------------------------------------------------

    async def _health(self, reply: Reply) -> None:
        models = self._node.served_models()
        body = {
            "status": "ok" if models else "unavailable",
            "node": self._node.settings.fleet.node,
            "models": models,
        }
        await reply.whole(200 if models else 503, msgspec.json.encode(body))

    async def _models(self, path: str, asked: Asked, reply: Reply) -> None:
        created = int(self._node.started_unix)
        served = self._node.served_models()
        entries = [
            {"id": name, "object": "model", "created": created, "owned_by": "garnet"} for name in served
        ]
        if path == _MODELS_PATH:
            await reply.whole(200, msgspec.json.encode({"object": "list", "data": entries}))
            return
        name = path.removeprefix(_MODELS_PATH)
        if not name.startswith("/"):
            raise refusals.no_such_path(asked.method, path)
        for entry in entries:
            if entry["id"] == name[1:]:
                await reply.whole(200, msgspec.json.encode(entry))
                return
        raise refusals.unknown_model(name[1:], served)

    def _log_failure(self, error: Exception, asked: Asked) -> None:
        """Count and log an internal error: its type and place, never its text."""
        self._node.counters.note_error(error)
        frames = "".join(traceback.format_tb(error.__traceback__))
        _LOG.error("%s: %s\n%s", asked.request_id, type(error).__name__, frames)

    async def _end(self, reply: Reply, refusal: RequestRejectedError) -> None:
        """End the answer with an error, as far as it can still be told."""
        if not reply.started:
            await reply.rejected(refusal)
        elif not reply.ended:
            await reply.break_off(refusal)
