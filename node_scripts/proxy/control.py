"""The control endpoints: the trusted application of the unix socket, with what only it may do."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import parse_qs

import msgspec

from node_scripts.contracts import Slot
from node_scripts.decoding import decode
from node_scripts.proxy import refusals
from node_scripts.proxy.app import App
from node_scripts.proxy.asked import Asked
from node_scripts.proxy.node import Node
from node_scripts.proxy.openai_errors import RequestRejectedError
from node_scripts.proxy.replies import Receive, Reply, Scope
from node_scripts.proxy.settings import SettingsError

_PREFIX = "/control/"
_SLOTS = "/control/slots/"
MOST_RAISED = 256
"""Far more nodes than a fleet has."""

_raised_decoder = msgspec.json.Decoder(Annotated[list[str], msgspec.Meta(max_length=MOST_RAISED)])


class ControlApp(App):
    """Answers on ``run/proxy.sock``."""

    def __init__(self, node: Node, reload: Callable[[], Awaitable[None]]) -> None:
        """Answer for ``node``; ``reload`` reads etc/ again, raising SettingsError or OSError."""
        super().__init__(node, trusted=True)
        self._reload = reload

    async def answer(self, asked: Asked, scope: Scope, receive: Receive, reply: Reply) -> None:
        """Route control requests; the rest is as on the public port."""
        if not asked.path.startswith(_PREFIX):
            await super().answer(asked, scope, receive, reply)
        elif asked.path == "/control/status":
            self._expect(asked, "GET")
            await reply.whole(200, msgspec.json.encode(await self._node.status()))
        elif asked.path == "/control/recent":
            self._expect(asked, "GET")
            await reply.whole(200, msgspec.json.encode(self._node.recent.after(_after(scope), os.getpid())))
        elif asked.path == "/control/reload":
            self._expect(asked, "POST")
            await self._reloaded(reply)
        elif asked.path == "/control/raised":
            self._expect(asked, "PUT")
            nodes = self._decode_raised(await self._body(asked, receive))
            self._node.raised.put(nodes, time.monotonic())
            await reply.whole(200, b'{"raised":true}')
        elif asked.path.startswith(_SLOTS):
            await self._slot(asked, scope, receive, reply)
        else:
            raise refusals.no_such_path(asked.method, asked.path)

    def _expect(self, asked: Asked, method: str) -> None:
        if asked.method != method:
            raise refusals.wrong_method(asked.method, asked.path, method)

    async def _body(self, asked: Asked, receive: Receive) -> bytes:
        return await asked.body(receive, self._node.settings.fleet.proxy.max_body_bytes, self._node.bodies)

    @staticmethod
    def _decode_raised(body: bytes) -> list[str]:
        try:
            nodes: list[str] = _raised_decoder.decode(body)
        except msgspec.DecodeError as error:
            raise RequestRejectedError(f"Not a list of nodes: {error}", code="invalid_raised") from error
        return nodes

    async def _reloaded(self, reply: Reply) -> None:
        try:
            await self._reload()
        except (SettingsError, OSError) as error:
            raise RequestRejectedError(str(error), code="invalid_settings") from error
        await reply.whole(200, b'{"reloaded":true}')

    async def _slot(self, asked: Asked, scope: Scope, receive: Receive, reply: Reply) -> None:
        model = asked.path.removeprefix(_SLOTS)
        if asked.method == "PUT":
            slot = self._decode(await self._body(asked, receive), model)
            force = b"force=1" in scope["query_string"].split(b"&")
            await self._put(slot, force=force)
            await reply.whole(200, msgspec.json.encode(self._node.slot_status(model)))
        elif asked.method == "DELETE":
            if not await self._node.delete_slot(model):
                raise RequestRejectedError(f"There is no slot `{model}`.", status=404, code="no_such_slot")
            await reply.whole(200, b'{"deleted":true}')
        else:
            raise refusals.wrong_method(asked.method, asked.path, "PUT or DELETE")

    @staticmethod
    def _decode(body: bytes, model: str) -> Slot:
        try:
            slot = decode(body, Slot)
        except msgspec.DecodeError as error:
            raise RequestRejectedError(f"Not a slot: {error}", code="invalid_slot") from error
        specs = [spec for spec in (slot.active, slot.next, slot.previous) if spec is not None]
        if slot.model != model or any(spec.model != model for spec in specs):
            raise RequestRejectedError("The slot and its loaders must name this model.", code="invalid_slot")
        if len({spec.name for spec in specs}) != len(specs):
            raise RequestRejectedError("A loader is named twice.", code="invalid_slot")
        return slot

    async def _put(self, slot: Slot, *, force: bool) -> None:
        node = self._node
        with node.registry.arriving(slot):
            if slot.active is not None and not force:
                watch = node.registry.watches[slot.active.name]
                await watch.probe()
                if not watch.loader.usable:
                    state, reason = watch.loader.state, watch.loader.last_error or "it has not answered yet"
                    raise RequestRejectedError(
                        f"{slot.active.name} is {state}: {reason}.", status=409, code="loader_not_answering"
                    )
            await node.put_slot(slot)


def _after(scope: Scope) -> int:
    given = parse_qs(scope["query_string"].decode("latin-1")).get("after", ["0"])[-1]
    if not given.isdecimal():
        raise RequestRejectedError(f"{given[:40]!r} is not a request's number.", code="invalid_after")
    return int(given)
