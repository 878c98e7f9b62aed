"""Clients that stop reading: their loader is left alone, and their place comes free."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from tests.node_scripts.proxy.rig import (
    RigNode,
    acquaint,
    completion,
    model_config,
    node,
    request_bytes,
    until,
)

LONG_STREAM = request_bytes("POST", "/v1/chat/completions", completion("x", stream=True, max_tokens=4_000))


@contextmanager
def idle_reader(one: RigNode) -> Iterator[socket.socket]:
    """Ask for a long stream and read nothing."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(one.address)
        client.sendall(LONG_STREAM)
        yield client


@asynccontextmanager
async def victim(one: RigNode) -> AsyncIterator[asyncio.subprocess.Process]:
    """Give the stub a process that can be killed, and endless tokens."""
    stub = one.stubs["a"]
    stub.word, stub.tokens, stub.token_delay_s = "w" * 20_000, 4_000, 0.0005
    process = await asyncio.create_subprocess_exec("sleep", "60")
    stub.pid = process.pid
    await until(lambda: one.loader().pid == process.pid, "its pid is known")
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


def test_client_that_stops_reading_is_sent_away_and_its_loader_lives() -> None:
    """Nothing comes from the loader because nobody reads it: that is no silence of the loader's."""

    async def scenario() -> None:
        async with node(stall_timeout_s=0.5) as one, victim(one) as process:
            stub = one.stubs["a"]
            with idle_reader(one):
                await until(lambda: one.loader().in_flight == 1, "it runs")
                await until(lambda: one.loader().in_flight == 0, "the place is free")
                await until(lambda: not stub.connections, "nobody generates for nobody")
            assert process.returncode is None
            assert one.loader().state == "ready"
            assert one.server.node.counters.failed == 0

    asyncio.run(scenario())


def test_client_that_stops_reading_a_forwarded_stream_is_sent_away() -> None:
    """The peer is no more to blame than a loader would be."""

    async def scenario() -> None:
        models = [model_config(nodes=["two"])]
        async with (
            node("one", models=models, loaders=(), stall_timeout_s=0.5) as one,
            node("two", models=models, stall_timeout_s=30.0) as two,
            victim(two) as process,
        ):
            await acquaint(one, two)
            with idle_reader(one):
                await until(lambda: two.loader().in_flight == 1, "it runs there")
                await until(lambda: two.loader().in_flight == 0, "the place is free")
                await until(lambda: one.server.node.counters.in_flight == 0, "its task has ended")
            assert process.returncode is None
            assert one.server.node.counters.failed == 0

    asyncio.run(scenario())


def test_client_that_reads_slowly_keeps_its_stream() -> None:
    """What counts is that it takes something."""

    async def scenario() -> None:
        async with node(stall_timeout_s=1.5) as one:
            stub = one.stubs["a"]
            stub.word, stub.tokens = "w" * 20_000, 200
            reader, writer = await asyncio.open_connection(*one.address, limit=4096)
            body = completion("x", stream=True, max_tokens=200)
            writer.write(request_bytes("POST", "/v1/chat/completions", body))
            raw = bytearray()
            for _ in range(12):
                raw += await reader.read(50_000)
                await asyncio.sleep(0.25)
            raw += await reader.read(-1)
            writer.close()
            assert raw.count(b"w" * 20_000) == 200
            assert b"data: [DONE]" in raw

    asyncio.run(scenario())
