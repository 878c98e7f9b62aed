"""Streams: passed on as they come, never passed off as complete, ended when the client leaves."""

from __future__ import annotations

import asyncio
import json

import pytest

from node_scripts.proxy import attempt
from tests.node_scripts.proxy.rig import RigNode, completion, node, open_connection, request_bytes, until


async def _open_stream(one: RigNode, content: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await open_connection(one.address)
    writer.write(request_bytes("POST", "/v1/chat/completions", completion(content, stream=True)))
    return reader, writer


def test_tokens_arrive_while_the_loader_still_works() -> None:
    """Not gathered up."""

    async def scenario() -> None:
        async with node() as one:
            reader, writer = await _open_stream(one, "LATEHANG")
            await reader.readuntil(b'"content": "a"')
            assert one.loader().in_flight == 1
            writer.close()

    asyncio.run(scenario())


def test_stream_cut_after_its_first_token_ends_with_an_error_and_no_done() -> None:
    """A client that reads to the end knows that it is not complete."""

    async def scenario() -> None:
        async with node() as one:
            answer = await one.ask("CUT", stream=True)
            assert answer.status == 200
            assert not answer.complete
            assert json.loads(answer.events[-1])["error"]["code"] == "loader_died"
            assert one.server.node.counters.failed == 1
            assert one.loader().errors == 1

    asyncio.run(scenario())


def test_client_that_leaves_closes_the_loaders_connection_at_once() -> None:
    """Streamed or not: nobody generates for nobody."""

    async def scenario() -> None:
        async with node() as one:
            stub = one.stubs["a"]
            for count, content in enumerate(("HANG", "LATEHANG"), 1):
                for stream in (False, True):
                    _, writer = await open_connection(one.address)
                    body = completion(content, stream=stream)
                    writer.write(request_bytes("POST", "/v1/chat/completions", body))
                    await until(lambda: len(stub.connections) == 1, "the loader works")
                    writer.close()
                    await until(lambda: not stub.connections, "the loader's connection ends")
                    await until(lambda: one.loader().in_flight == 0, "the place is free")
                assert stub.abandoned == 2 * count
            assert one.loader().state == "ready"
            assert one.server.node.counters.failed == 0

    asyncio.run(scenario())


def test_keep_alives_are_held_back_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as nothing was sent, the request can be tried elsewhere."""

    async def scenario() -> None:
        async with node() as one:
            one.stubs["a"].prefill_s = 0.3
            answer = await one.ask("PREFILL", stream=True)
            assert answer.complete
            assert b": keepalive" not in answer.body
            monkeypatch.setattr(attempt, "HOLD_BACK_S", 0.1)
            answer = await one.ask("PREFILL again", stream=True)
            assert answer.complete
            assert b": keepalive" in answer.body

    asyncio.run(scenario())


def test_silent_stream_beside_a_lively_one_is_ended_alone() -> None:
    """The loader is not killed for one answer that got stuck."""

    async def scenario() -> None:
        async with node(stall_timeout_s=0.3, first_byte_timeout_s=0.3) as one:
            one.stubs["a"].tokens = 40
            lively = asyncio.create_task(one.ask("SLOW", stream=True, max_tokens=40))
            stuck = await one.ask("LATEHANG", stream=True)
            assert one.loader().state == "ready"
            assert not stuck.complete
            assert (await lively).complete

    asyncio.run(scenario())


def test_answer_that_waits_inside_the_loader_for_its_turn_is_no_stall() -> None:
    """Its silence counts from the last byte of those before it, and is not held against the loader."""

    async def scenario() -> None:
        async with node(stall_timeout_s=0.4, first_byte_timeout_s=0.6) as one:
            one.stubs["a"].tokens = 30
            states = set()
            before = asyncio.create_task(one.ask("SLOW", stream=True, max_tokens=30))
            await until(lambda: one.loader().in_flight == 1, "it runs")
            queued = asyncio.create_task(one.ask("QUEUE"))
            while not queued.done():
                states.add(one.loader().state)
                await asyncio.sleep(0.005)
            assert queued.result().text == "a" * 8
            assert (await before).complete
            assert states == {"ready"}
            assert one.loader().errors == 0

    asyncio.run(scenario())


def test_slow_client_does_not_lose_a_byte() -> None:
    """The loader is held back instead."""

    async def scenario() -> None:
        async with node() as one:
            stub = one.stubs["a"]
            stub.word, stub.tokens = "w" * 20_000, 200
            reader, writer = await open_connection(one.address)
            body = completion("x", stream=True, max_tokens=200)
            writer.write(request_bytes("POST", "/v1/chat/completions", body))
            await asyncio.sleep(0.2)
            raw = await reader.read(-1)
            writer.close()
            assert raw.count(b"w" * 20_000) == 200
            assert b"data: [DONE]" in raw

    asyncio.run(scenario())
