"""The ASGI application: who asks, for what, and in whose name the answer goes out.

The same application runs on the public port and, marked trusted, on the control socket.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback

import msgspec

from node_scripts.contracts import HEARTBEAT_PATH
from node_scripts.proxy import refusals
from node_scripts.proxy.asked import Asked, GoneError, Kind
from node_scripts.proxy.call import Call
from node_scripts.proxy.departure import departure_of
from node_scripts.proxy.identity import SignedRequest, verify_peer
from node_scripts.proxy.node import Node
from node_scripts.proxy.openai_errors import RequestRejectedError
from node_scripts.proxy.replies import Receive, Reply, Scope, Send
from node_scripts.proxy.request_note import RequestNote
from node_scripts.proxy.service import StreamBrokenError
from node_scripts.proxy.validation import Limits, parse, peek_model
from node_scripts.records import OPERATOR_KEY

_LOG = logging.getLogger("garnet.proxy.app")

_MODELS_PATH = "/v1/models"
_HEALTH_PATH = "/health"
_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_SERVER_ERRORS = 500
_UNREAD = ("request_too_large", "overloaded")
"""Refusals in the middle of a body: the rest is not read."""


class App:
    """Answers one kind of listener: the public port, or the trusted socket."""

    def __init__(self, node: Node, *, trusted: bool) -> None:
        """Answer for ``node``; ``trusted`` callers need no key."""
        self._node = node
        self._trusted = trusted

    @property
    def write_timeout_s(self) -> float:
        """Seconds without a byte taken after which a client is sent away."""
        return self._node.settings.fleet.proxy.stall_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            raise RuntimeError(f"not HTTP: {scope['type']}")
        asked = Asked(scope)
        note = asked.note
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
            note.fail(error.code)
            await reply.rejected(error, close=error.code in _UNREAD)
        except StreamBrokenError as error:
            counters.failed += 1
            note.fail(error.code)
        except GoneError:
            note.cancelled = True
        except asyncio.CancelledError:
            departure.forgive()
            note.cancelled = departure.gone
            if not departure.gone:
                counters.failed += 1
                await self._end(reply, refusals.stopping(), note)
        except Exception as error:  # noqa: BLE001 -- the boundary: any failure becomes a 500 and a log entry
            self._log_failure(error, asked)
            await self._end(reply, refusals.internal(asked.request_id), note)
        finally:
            departure.watch(None)
            counters.in_flight -= 1
            node.bodies.give_back(asked.held_bytes)
            if asked.is_completion:
                line = note.line(reply.status)
                node.journal.note(line)
                node.recent.note(line)

    async def answer(self, asked: Asked, scope: Scope, receive: Receive, reply: Reply) -> None:
        """Route one request by its path."""
        path = asked.path
        if asked.kind is not None:
            if asked.method != "POST":
                raise refusals.wrong_method(asked.method, path, "POST")
            await self._complete(asked.kind, asked, scope, receive, reply)
            return
        if path not in (_HEALTH_PATH, HEARTBEAT_PATH) and not path.startswith(_MODELS_PATH):
            raise refusals.no_such_path(asked.method, path)
        if asked.method != "GET":
            raise refusals.wrong_method(asked.method, path, "GET")
        if path == _HEALTH_PATH:
            await self._health(reply)
        elif path == HEARTBEAT_PATH:
            self._admit_peer(asked)
            await reply.whole(200, msgspec.json.encode(self._node.heartbeat()))
        else:
            self._admit_client(asked, scope)
            await self._models(path, asked, reply)

    # --- who asks ---------------------------------------------------------------------------

    def _admit_client(self, asked: Asked, scope: Scope) -> None:
        """Let a client in by its key; without any key in force, callers on this machine only."""
        if self._trusted:
            asked.note.key = OPERATOR_KEY
            return
        keys = self._node.settings.keys
        if len(keys) == 0:
            client = scope.get("client")
            if client is not None and client[0] in _LOOPBACK:
                return
        elif (name := keys.admitted(asked.authorization)) is not None:
            asked.note.key = name
            return
        raise refusals.not_authorized(given=asked.authorization is not None)

    def _admit_peer(self, asked: Asked) -> SignedRequest:
        """Let a peer in by its head; its body must be the one that it signed."""
        known = None
        settings = self._node.settings
        if asked.peer is not None:
            known = verify_peer(
                settings.secret,
                asked.peer,
                settings.fleet.node,
                time.time(),
                asked.method,
                asked.path,
                suspect=asked.suspect,
            )
        if known is None:
            raise refusals.not_authorized(given=asked.peer is not None)
        return known

    # --- completions ------------------------------------------------------------------------

    async def _complete(self, kind: Kind, asked: Asked, scope: Scope, receive: Receive, reply: Reply) -> None:
        node = self._node
        note = asked.note
        node.counters.requests += 1
        settings = node.settings
        forwarded = asked.peer is not None
        signed: SignedRequest | None = None
        if forwarded:
            # Until it is verified, its word counts for what the fleet knows: what a peer is refused
            # is its client's error and told there.
            note.forwarded = asked.claimed_peer in node.peers
            signed = self._admit_peer(asked)
            note.forwarded = True
        else:
            self._admit_client(asked, scope)
        body = await asked.body(receive, settings.fleet.proxy.max_body_bytes, node.bodies)
        if signed is not None and not signed.carries(body):
            raise refusals.not_authorized(given=True)
        model = peek_model(body)
        gate = node.gates.get(model)
        if gate is None:
            raise refusals.unknown_model(model, node.served_models())
        note.model = model
        active = gate.active
        limits = Limits(
            max_tokens=settings.fleet.proxy.max_tokens_limit,
            context=gate.config.context,
            vocabulary_size=None if active is None else active.vocabulary_size,
        )
        parsed = parse(kind, body, limits)
        note.stream = parsed.stream
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
            note=note,
        )
        await node.service.serve(call, gate, reply)

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

    async def _end(self, reply: Reply, refusal: RequestRejectedError, note: RequestNote) -> None:
        """End the answer with an error, as far as it can still be told."""
        note.fail(refusal.code)
        if not reply.started:
            await reply.rejected(refusal)
        elif not reply.ended:
            await reply.break_off(refusal)
