"""Loaders that die under requests: who is tried again, who is refused, and who is spared."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.node_scripts.proxy.rig import Answer, RigNode, acquaint, model_config, node, until
from tests.node_scripts.proxy.stub_loader import StubLoader


async def _revive(one: RigNode, stub: StubLoader) -> None:
    """Act as the supervisor: once the loader is dead and the proxy knows, start it again."""
    await until(lambda: stub.dead and not one.loader(stub.spec.name).usable, "a death is seen")
    await stub.start()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("word", ["DIE", "THREAD"])
def test_request_that_kills_two_loaders_is_refused_and_never_tried_at_a_third(
    word: str, *, stream: bool
) -> None:
    """Then refused without touching a loader, for ten minutes."""

    async def scenario() -> Answer:
        async with node() as one:
            stub = one.stubs["a"]
            task = asyncio.create_task(one.ask(word, stream=stream))
            await _revive(one, stub)
            answer = await task
            assert len(stub.requests) == 2
            await _revive(one, stub)
            again = await one.ask(word, stream=stream)
            assert (again.status, again.code) == (400, "request_refused")
            assert len(stub.requests) == 2
            assert (await one.ask("innocent")).text == "aaaa"
            return answer

    answer = asyncio.run(scenario())
    assert (answer.status, answer.code) == (400, "request_refused")


def test_refusal_names_one_request_only() -> None:
    """Another prompt of the same client is served."""

    async def scenario() -> None:
        async with node() as one:
            for death in range(2):
                one.server.node.poison.blame(b"other digest", 0.0, death)
            assert (await one.ask()).status == 200

    asyncio.run(scenario())


def test_unsent_requests_survive_a_death_by_a_restart() -> None:
    """Unstreamed requests have sent nothing: all are answered."""

    async def scenario() -> None:
        async with node() as one:
            stub = one.stubs["a"]
            stub.token_delay_s = 0.02
            tasks = [asyncio.create_task(one.ask(f"n{number}")) for number in range(6)]
            await until(lambda: len(stub.connections) == 6, "six run")
            stub.die()
            await _revive(one, stub)
            assert [answer.text for answer in await asyncio.gather(*tasks)] == ["aaaa"] * 6
            assert len(one.server.node.poison) == 0

    asyncio.run(scenario())


def test_equal_requests_survive_the_death_of_their_one_loader() -> None:
    """A prompt that many send at once is no poison because its loader was killed."""

    async def scenario() -> None:
        async with node() as one:
            stub = one.stubs["a"]
            stub.token_delay_s = 0.02
            tasks = [asyncio.create_task(one.ask("the same")) for _ in range(4)]
            await until(lambda: len(stub.connections) == 4, "four run")
            stub.die()
            await _revive(one, stub)
            assert [answer.text for answer in await asyncio.gather(*tasks)] == ["aaaa"] * 4

    asyncio.run(scenario())


def test_equal_requests_at_a_peer_survive_the_death_of_its_one_loader() -> None:
    """The forwarding node counts one death too, however many answers it broke."""

    async def scenario() -> None:
        models = [model_config(nodes=["two"])]
        async with node("one", models=models, loaders=()) as one, node("two", models=models) as two:
            await acquaint(one, two)
            stub = two.stubs["a"]
            stub.token_delay_s = 0.02
            tasks = [asyncio.create_task(one.ask("the same")) for _ in range(4)]
            await until(lambda: len(stub.connections) == 4, "four run")
            stub.die()
            await _revive(two, stub)
            assert [answer.text for answer in await asyncio.gather(*tasks)] == ["aaaa"] * 4

    asyncio.run(scenario())


def test_suspects_pass_one_at_a_time_until_their_first_token() -> None:
    """The isolation lane."""

    async def scenario() -> None:
        async with node() as one:
            stub = one.stubs["a"]
            stub.token_delay_s = 0.02
            tasks = [asyncio.create_task(one.ask(f"PREFILL {number}")) for number in range(4)]
            await until(lambda: len(stub.connections) == 4, "four run")
            stub.die()
            stub.prefill_s = 0.2
            loader = one.loader()
            await until(lambda: loader.state == "down", "the death is seen")
            await stub.start()
            await until(lambda: loader.in_flight == 1, "the first suspect runs")
            at_once = []
            while not all(task.done() for task in tasks):
                at_once.append(sum(1 for call in loader.calls if loader.lane is call))
                early = [call for call in loader.calls if call.suspect]
                assert len(early) <= 4
                await asyncio.sleep(0.01)
            assert max(at_once) == 1
            assert [task.result().text for task in tasks] == ["aaaa"] * 4

    asyncio.run(scenario())


def test_poison_among_innocents_is_the_only_one_lost() -> None:
    """All were in flight at the first death; the lane finds out which of them did it."""

    async def scenario() -> None:
        async with node() as one:
            stub = one.stubs["a"]
            stub.token_delay_s = 0.03
            innocents = [asyncio.create_task(one.ask(f"n{number}")) for number in range(5)]
            await until(lambda: len(stub.connections) == 5, "five run")
            poison = asyncio.create_task(one.ask("DIE"))
            await _revive(one, stub)
            await until(poison.done, "the poison is found")
            await _revive(one, stub)
            assert poison.result().code == "request_refused"
            assert [answer.text for answer in await asyncio.gather(*innocents)] == ["aaaa"] * 5
            assert sum("DIE" in str(request) for request in stub.requests) == 2

    asyncio.run(scenario())


def test_death_after_the_first_token_ends_the_stream_with_an_error() -> None:
    """And makes the request a suspect for its next try by the client."""

    async def scenario() -> None:
        async with node() as one:
            answer = await one.ask("LATEDIE", stream=True)
            assert not answer.complete
            assert json.loads(answer.events[-1])["error"]["code"] == "loader_died"
            assert len(one.server.node.poison) == 1

    asyncio.run(scenario())


def test_refused_connection_is_tried_at_a_peer() -> None:
    """The request was never sent: it costs nothing."""

    async def scenario() -> None:
        models = [model_config(nodes=["one", "two"])]
        async with node("one", models=models) as one, node("two", models=models, loaders=("b",)) as two:
            await acquaint(one, two)
            one.stubs["a"].die()
            answer = await one.ask()
            assert answer.text == "bbbb"
            assert answer.headers["garnet-node"] == "two"

    asyncio.run(scenario())


@pytest.mark.parametrize("word", ["DIE", "THREAD", "CUT"])
def test_poison_meets_one_other_node_and_no_third(word: str) -> None:
    """Three nodes, two deaths, and the peers' counts travel with the answer."""

    async def scenario() -> None:
        models = [model_config(nodes=["one", "two", "three"])]
        async with (
            node("one", models=models) as one,
            node("two", models=models) as two,
            node("three", models=models) as three,
        ):
            nodes = (one, two, three)
            await acquaint(*nodes)
            answer = await one.ask(word)
            assert (answer.status, answer.code) == (400, "request_refused")
            tried = [len(each.stubs["a"].requests) for each in nodes]
            assert sorted(tried) == [0, 1, 1]
            for each in nodes:
                if each.stubs["a"].requests:
                    assert (await each.ask(word)).code == "request_refused"
            assert [len(each.stubs["a"].requests) for each in nodes] == tried
            assert (await one.ask("innocent")).status == 200

    asyncio.run(scenario())


def test_forwarded_stream_that_is_cut_at_the_peer_is_not_passed_off_as_complete() -> None:
    """Truncation is seen through two hops."""

    async def scenario() -> None:
        models = [model_config(nodes=["two"])]
        async with node("one", models=models, loaders=()) as one, node("two", models=models) as two:
            await acquaint(one, two)
            answer = await one.ask("CUT", stream=True)
            assert answer.headers["garnet-node"] == "two"
            assert not answer.complete
            errors: list[Any] = [json.loads(data) for data in answer.events if "error" in data]
            assert [error["error"]["code"] for error in errors] == ["loader_died"]
            assert len(one.server.node.poison) == 1

    asyncio.run(scenario())
