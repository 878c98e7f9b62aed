"""Nodes that serve for each other."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from node_scripts.proxy import peers as peers_module
from tests.node_scripts.proxy.rig import (
    Answer,
    acquaint,
    client_key,
    completion,
    model_config,
    node,
    send,
    until,
    write_settings,
)

MODELS = [model_config(nodes=["two"])]


def test_node_without_a_loader_serves_through_its_peer() -> None:
    """Whole and streamed, with and without usage, and the answer names who answered."""

    async def scenario() -> None:
        keys = [client_key()]
        async with (
            node("one", models=MODELS, loaders=(), keys=keys) as one,
            node("two", models=MODELS, keys=keys) as two,
        ):
            await acquaint(one, two)
            for answer in (await one.ask(), await one.ask(stream=True)):
                assert answer.text == "aaaa"
                assert answer.headers["garnet-node"] == "two"
                assert '"usage"' not in answer.body.decode() or not answer.events
            asked = await one.ask(stream=True, stream_options={"include_usage": True})
            assert json.loads(asked.events[-2])["usage"]["completion_tokens"] == 4
            assert (await one.ask(logprobs=True)).json["choices"][0]["logprobs"] == {"content": []}
            assert (await send(one.address, "GET", "/health")).json["models"] == ["tiny"]
            refused = await one.ask("REFUSE")
            assert (refused.status, refused.code) == (400, "bad_value")

    asyncio.run(scenario())


def test_connections_to_peers_are_kept() -> None:
    """One connection for requests that follow each other, beside the heartbeat's."""

    async def scenario() -> None:
        async with node("one", models=MODELS, loaders=()) as one, node("two", models=MODELS) as two:
            await acquaint(one, two)
            for number in range(10):
                assert (await one.ask(f"n{number}", stream=number % 2 == 0)).status == 200
            public = two.server._public
            assert public is not None
            assert len(public._state.connections) <= 2

    asyncio.run(scenario())


def test_forwarded_request_is_never_forwarded_again() -> None:
    """Two nodes without a loader do not play ping-pong."""

    async def scenario() -> None:
        models = [model_config(nodes=["one", "two", "three"])]
        async with (
            node("one", models=models, loaders=()) as one,
            node("two", models=models) as two,
            node("three", models=models) as three,
        ):
            await acquaint(one, two, three)
            two.stubs["a"].die()
            await until(lambda: two.loader().state == "down", "its death is seen")
            peers = one.server.node.peers
            idle = peers["three"].models["tiny"]
            peers["two"].models = {"tiny": idle}
            peers["three"].models = {"tiny": dataclasses.replace(idle, in_flight=1)}
            assert (await one.ask()).headers["garnet-node"] == "three"
            asked = [each.server.node.counters.requests for each in (one, two, three)]
            assert asked == [1, 1, 1]

    asyncio.run(scenario())


def test_full_loader_overflows_to_an_idle_peer() -> None:
    """Before anybody waits."""

    async def scenario() -> None:
        models = [model_config(nodes=["one", "two"], concurrency=1)]
        async with node("one", models=models) as one, node("two", models=models, loaders=("b",)) as two:
            await acquaint(one, two)
            running = asyncio.create_task(one.ask("SLOW"))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            assert (await one.ask()).text == "bbbb"
            assert (await running).text == "aaaa"

    asyncio.run(scenario())


def test_refused_heartbeat_routes_around_a_peer_at_once_and_it_comes_back() -> None:
    """Its process is gone: no need to wait for three misses."""

    async def scenario() -> None:
        async with node("one", models=MODELS, loaders=()) as one, node("two", models=MODELS) as two:
            await acquaint(one, two)
            port = two.port
            await two.server.stop()
            peer = one.server.node.peers["two"]
            await until(lambda: not peer.reachable, "it is routed around", 3.0)
            assert (await one.ask()).status == 503
            status = peer.status(asyncio.get_running_loop().time())
            assert not status.reachable
            assert status.models == []
            assert status.last_error is not None
            two.proxy["listen_port"] = port
            two.server = type(two.server)(two.paths, two.server._options)
            await two.server.start()
            await until(lambda: peer.reachable, "it is back", 3.0)
            assert (await one.ask()).status == 200

    asyncio.run(scenario())


def test_peer_that_stops_answering_is_routed_around_and_its_requests_go_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cut off without a word: three missed heartbeats, and what waits for it is tried again."""
    monkeypatch.setattr(peers_module, "HEARTBEAT_INTERVAL_S", 0.1)

    async def scenario() -> None:
        models = [model_config(nodes=["two", "three"])]
        async with (
            node("one", models=models, loaders=()) as one,
            node("two", models=models) as two,
            node("three", models=models, loaders=("c",)) as three,
        ):
            await acquaint(one, two, three)
            peers = one.server.node.peers
            two.stubs["a"].hang_all = True
            three.stubs["c"].token_delay_s = 0.01
            busy = [asyncio.create_task(one.ask(f"n{number}")) for number in range(2)]
            await until(lambda: len(two.stubs["a"].connections) == 1, "one of them hangs at the peer")
            monkeypatch.setattr(two.server.node, "heartbeat", lambda: None)
            await until(lambda: not peers["two"].reachable, "it is routed around", 3.0)
            assert [answer.text for answer in await asyncio.gather(*busy)] == ["cccc"] * 2
            assert len(one.server.node.poison) == 0

    asyncio.run(scenario())


def test_without_a_fleet_secret_there_are_no_peers() -> None:
    """Nobody is trusted by an empty secret."""

    async def scenario() -> Answer:
        async with node("one", models=MODELS, loaders=()) as one, node("two", models=MODELS) as two:
            await acquaint(one, two)
            one.paths.secrets_file.unlink()
            write_settings(one.root, "one", MODELS, {"listen_port": one.port}, [], one.peers, secret=None)
            assert (await one.control("POST", "/control/reload")).status == 200
            assert one.server.node.peers == {}
            return await one.ask()

    assert asyncio.run(scenario()).status == 503


def test_forged_peer_header_is_refused() -> None:
    """It admits nobody without the secret, key or not."""

    async def scenario() -> None:
        async with node() as one:
            answer = await send(
                one.address, "POST", "/v1/chat/completions", completion(), {"garnet-peer": "two 1 ab"}
            )
            assert (answer.status, answer.code) == (401, "invalid_api_key")

    asyncio.run(scenario())
