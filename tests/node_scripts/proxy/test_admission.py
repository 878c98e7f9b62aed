"""Places and the queue for them."""

from __future__ import annotations

import asyncio

from tests.node_scripts.proxy.rig import completion, model_config, node, open_connection, request_bytes, until
from tests.node_scripts.proxy.stub_loader import StubLoader


def test_loader_never_gets_more_than_its_concurrency() -> None:
    """Forty at once through two places."""

    async def scenario() -> None:
        async with node(models=[model_config(concurrency=2)]) as one:
            one.stubs["a"].token_delay_s = 0.002
            answers = await asyncio.gather(*(one.ask(f"n{number}") for number in range(40)))
            assert {answer.status for answer in answers} == {200}
            assert one.stubs["a"].most_at_once == 2

    asyncio.run(scenario())


def test_beyond_the_queue_is_429_with_retry_after() -> None:
    """In OpenAI's shape, so that its clients back off."""

    async def scenario() -> None:
        async with node(models=[model_config(concurrency=1)], queue_limit=1) as one:
            gate = one.server.node.gates["tiny"]
            running = asyncio.create_task(one.ask("SLOW"))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            waiting = asyncio.create_task(one.ask("waits"))
            await until(lambda: gate.queued == 1, "one waits")
            refused = await one.ask("too many")
            assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
            assert refused.json["error"]["type"] == "rate_limit_error"
            assert int(refused.headers["retry-after"]) >= 1
            assert (await running).status == 200
            assert (await waiting).status == 200

    asyncio.run(scenario())


def test_waiting_ends_at_the_deadline_with_429() -> None:
    """A place that does not come free in time."""

    async def scenario() -> None:
        async with node(models=[model_config(concurrency=1)], queue_timeout_s=0.2) as one:
            _, writer = await open_connection(one.address)
            writer.write(request_bytes("POST", "/v1/chat/completions", completion("HANG")))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            assert (await one.ask()).status == 429
            writer.close()
            await until(lambda: one.loader().in_flight == 0, "it left")

    asyncio.run(scenario())


def test_queue_is_first_come_first_served() -> None:
    """The loader sees them in the order of their arrival."""

    async def scenario() -> None:
        async with node(models=[model_config(concurrency=1)]) as one:
            gate = one.server.node.gates["tiny"]
            tasks = [asyncio.create_task(one.ask("SLOW"))]
            await until(lambda: one.loader().in_flight == 1, "one runs")
            for number in range(5):
                tasks.append(asyncio.create_task(one.ask(f"n{number}")))
                await until(lambda number=number: gate.queued == number + 1, "it waits")  # type: ignore[misc]
            await asyncio.gather(*tasks)
            seen = [request["messages"][0]["content"] for request in one.stubs["a"].requests[1:]]
            assert seen == [f"n{number}" for number in range(5)]

    asyncio.run(scenario())


def test_client_that_leaves_the_queue_is_forgotten() -> None:
    """Its place goes to the next, and the loader never hears of it."""

    async def scenario() -> None:
        async with node(models=[model_config(concurrency=1)]) as one:
            gate = one.server.node.gates["tiny"]
            running = asyncio.create_task(one.ask("SLOW"))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            _, writer = await open_connection(one.address)
            writer.write(request_bytes("POST", "/v1/chat/completions", completion("vanishes")))
            await until(lambda: gate.queued == 1, "one waits")
            writer.close()
            await until(lambda: gate.queued == 0, "it left")
            await running
            assert len(one.stubs["a"].requests) == 1
            assert one.loader().in_flight == 0

    asyncio.run(scenario())


def test_flip_moves_the_queue_to_the_new_loader() -> None:
    """Those who wait get the loader that is active when their turn comes."""

    async def scenario() -> None:
        async with node(models=[model_config(concurrency=1)], loaders=("a", "b")) as one:
            gate = one.server.node.gates["tiny"]
            running = asyncio.create_task(one.ask("SLOW"))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            waiting = [asyncio.create_task(one.ask(f"n{number}")) for number in range(3)]
            await until(lambda: gate.queued == 3, "three wait")
            await one.put(active=one.stubs["b"], previous=one.stubs["a"])
            assert {answer.text for answer in await asyncio.gather(*waiting)} == {"bbbb"}
            assert (await running).text == "aaaa"

    asyncio.run(scenario())


def test_queue_waits_for_a_loader_that_comes_back() -> None:
    """A restart costs time, not requests."""

    async def scenario() -> None:
        async with node() as one:
            stub: StubLoader = one.stubs["a"]
            stub.die()
            await until(lambda: one.loader().state == "down", "its death is seen")
            waiting = [asyncio.create_task(one.ask(f"n{number}", stream=True)) for number in range(3)]
            await until(lambda: one.server.node.gates["tiny"].queued == 3, "three wait")
            await stub.start()
            assert [answer.text for answer in await asyncio.gather(*waiting)] == ["aaaa"] * 3

    asyncio.run(scenario())


def test_queue_for_a_loader_that_stays_down_ends_with_503() -> None:
    """Not 429: coming back soon does not help."""

    async def scenario() -> None:
        async with node(queue_timeout_s=0.2) as one:
            one.stubs["a"].die()
            await until(lambda: one.loader().state == "down", "its death is seen")
            assert (await one.ask()).status == 503

    asyncio.run(scenario())
