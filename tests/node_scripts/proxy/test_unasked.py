"""Clients that send much, or slowly: what they may hold of the proxy is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from node_scripts.proxy import departure
from node_scripts.proxy.identity import sign_peer
from tests.node_scripts.proxy.rig import (
    KEY,
    SECRET,
    client_key,
    completion,
    node,
    open_connection,
    parse_answer,
    request_bytes,
    send,
    until,
)

PATH = "/v1/chat/completions"
LARGE = 1_000_000


def head(**headers: str) -> bytes:
    """Build the head of a large request of which the body is to come."""
    return request_bytes("POST", PATH, None, {"content-length": str(LARGE), **headers})


@pytest.mark.parametrize("header", ["two 1 ab", "two 1 ab cd"])
def test_body_of_who_only_claims_to_be_a_peer_is_not_read(header: str) -> None:
    """The refusal comes before the body."""

    async def scenario() -> None:
        async with node(keys=[client_key()]) as one:
            reader, writer = await open_connection(one.address)
            writer.write(head(**{"garnet-peer": header}))
            assert b" 401 " in await reader.readline()
            writer.write(b"x" * (LARGE // 2))
            assert one.server.node.bodies.held_bytes == 0
            writer.close()

    asyncio.run(scenario())


def test_body_that_a_peer_did_not_sign_is_refused() -> None:
    """Its head was genuine; that is not enough."""

    async def scenario() -> None:
        async with node(keys=[client_key()]) as one:
            body = request_bytes("POST", PATH, completion()).partition(b"\r\n\r\n")[2]
            header = sign_peer(bytes.fromhex(SECRET), "two", "one", time.time(), "POST", PATH, body)
            assert (await send(one.address, "POST", PATH, body, {"garnet-peer": header})).status == 200
            other = body.replace(b"hello", b"jello")
            answer = await send(one.address, "POST", PATH, other, {"garnet-peer": header})
            assert answer.status == 401
            assert len(one.stubs["a"].requests) == 1

    asyncio.run(scenario())


def test_bodies_take_no_more_memory_than_they_may_together() -> None:
    """Beyond it 503, and what was held comes free with its request."""

    async def scenario() -> None:
        async with node(keys=[client_key()]) as one:
            bodies = one.server.node.bodies
            bodies.limit_bytes = LARGE
            key = {"authorization": f"Bearer {KEY}"}
            _, first = await open_connection(one.address)
            first.write(head(**key) + b"x" * (LARGE - 200_000))
            await until(lambda: bodies.held_bytes == LARGE - 200_000, "it is held")
            reader, second = await open_connection(one.address)
            second.write(head(**key) + b"x" * 300_000)
            answer = parse_answer(await reader.read(-1))
            second.close()
            assert (answer.status, answer.code) == (503, "overloaded")
            assert int(answer.headers["retry-after"]) > 0
            assert (await one.ask()).status == 200
            assert bodies.held_bytes == LARGE - 200_000
            first.close()
            await until(lambda: bodies.held_bytes == 0, "nothing is held")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "beginning",
    [b"", b"POST /v1/chat/comp", head(authorization=f"Bearer {KEY}") + b"x"],
    ids=["nothing", "half a head", "half a body"],
)
def test_request_that_does_not_come_to_its_end_ends_its_connection(
    beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often another byte comes."""
    monkeypatch.setattr(departure, "ASK_WITHIN_S", 0.3)

    async def scenario() -> None:
        async with node(keys=[client_key()]) as one:
            reader, writer = await open_connection(one.address)
            writer.write(beginning)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(-1), 8.0) == b""
            writer.close()
            await until(lambda: one.server.node.counters.in_flight == 0, "its task has ended")

    asyncio.run(scenario())


def test_answer_may_take_longer_than_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while the client has sent the next one; and a kept connection may rest."""
    monkeypatch.setattr(departure, "ASK_WITHIN_S", 0.3)

    async def scenario() -> None:
        async with node() as one:
            one.stubs["a"].tokens = 40
            reader, writer = await open_connection(one.address)
            body = completion("SLOW", stream=True, max_tokens=40)
            kept = {"connection": "keep-alive"}
            writer.write(
                request_bytes("POST", PATH, body, kept) + request_bytes("GET", "/v1/models", None, kept)
            )
            assert b"[DONE]" in await reader.readuntil(b"data: [DONE]\n\n")
            assert b"tiny" in await reader.readuntil(b"tiny")
            await asyncio.sleep(1.5)
            writer.write(request_bytes("GET", "/v1/models"))
            assert b"tiny" in await reader.read(-1)
            writer.close()

    asyncio.run(scenario())


async def _send_without_end(writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(b"x" * 65_536)
        await writer.drain()


def test_head_without_an_end_is_not_kept() -> None:
    """It takes memory before anybody has a key to show."""

    async def scenario() -> None:
        async with node() as one:
            _, writer = await open_connection(one.address)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx-long: ")
            with pytest.raises(ConnectionError):
                await _send_without_end(writer)
            writer.close()

    asyncio.run(scenario())
