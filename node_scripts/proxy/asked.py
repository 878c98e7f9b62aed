"""What was asked: a request's head, what its path means, and its body."""

from __future__ import annotations

import os
import re
from typing import Literal

from node_scripts.contracts import PEER_HEADER
from node_scripts.proxy import refusals
from node_scripts.proxy.bodies import BodyBudget
from node_scripts.proxy.identity import SUSPECT_HEADER
from node_scripts.proxy.replies import Receive, Scope
from node_scripts.proxy.request_note import RequestNote

Kind = Literal["chat", "text"]

_KINDS: dict[str, Kind] = {"/v1/chat/completions": "chat", "/v1/completions": "text"}
_PEER_HEADER = PEER_HEADER.encode()
_SUSPECT_HEADER = SUSPECT_HEADER.encode()
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class GoneError(Exception):
    """The client went away while its request was being read."""


class Asked:
    """A request's head."""

    __slots__ = (
        "authorization",
        "held_bytes",
        "kind",
        "length",
        "method",
        "note",
        "path",
        "peer",
        "request_id",
        "suspect",
    )

    def __init__(self, scope: Scope) -> None:
        """Read the headers that matter."""
        self.note = RequestNote()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.kind = _KINDS.get(self.path)
        self.authorization: bytes | None = None
        self.length: bytes | None = None
        self.peer: bytes | None = None
        self.suspect = False
        self.held_bytes = 0
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

    @property
    def is_completion(self) -> bool:
        """Whether it asks for tokens: each of these gets a line in the request journal."""
        return self.kind is not None and self.method == "POST"

    @property
    def claimed_peer(self) -> str:
        """The node that the peer header names, verified or not."""
        return (self.peer or b"").partition(b" ")[0].decode("latin-1")

    async def body(self, receive: Receive, limit: int, budget: BodyBudget) -> bytes:
        """Read the body, of at most ``limit`` bytes; ``held_bytes`` of ``budget`` are to be given back.

        Raises GoneError if the client goes away, and RequestRejectedError beyond the limit.
        """
        if self.length is not None and int(self.length) > limit:
            raise refusals.body_too_large(limit)
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body"):
            if len(body) > limit:
                raise refusals.body_too_large(limit)
            self._hold(body, budget)
            return body
        parts = bytearray()
        while True:
            if message["type"] == "http.disconnect":
                raise GoneError
            body = message.get("body", b"")
            self._hold(body, budget)
            parts += body
            if len(parts) > limit:
                raise refusals.body_too_large(limit)
            if not message.get("more_body"):
                return bytes(parts)
            message = await receive()

    def _hold(self, part: bytes, budget: BodyBudget) -> None:
        budget.take(len(part))
        self.held_bytes += len(part)
