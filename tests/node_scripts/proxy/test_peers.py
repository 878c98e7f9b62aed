"""Nodes that serve for each other."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import msgspec
import pytest

from node_scripts.contracts import Heartbeat, LoaderStatus, PeerConfig, PeerStatus, ProxyStatus
from node_scripts.proxy import peers as peers_module
from node_scripts.proxy.wire import CutError
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


def test_raised_nodes_are_told_to_peers_until_they_are_taken_back() -> None:
    """What a node's monitor has raised, its peers' monitors need not raise."""

    async def scenario() -> None:
        async with node("one", models=MODELS, loaders=()) as one, node("two", models=MODELS) as two:
            await acquaint(one, two)
            peer = one.server.node.peers["two"]
            assert (await two.control("PUT", "/control/raised", ["three"])).status == 200
            await until(lambda: peer.raised == ["three"], "a heartbeat tells")
            (told,) = (await one.control("GET", "/control/status")).json["peers"]
            assert told["raised"] == ["three"]
            assert (await two.control("PUT", "/control/raised", [])).status == 200
            await until(lambda: peer.raised == [], "a heartbeat takes it back")
            await two.control("PUT", "/control/raised", ["three"])
            await until(lambda: peer.raised == ["three"], "it is told again")
            peer.note_unreachable("gone")
            status = peer.status(asyncio.get_running_loop().time())
            assert (status.raised, status.clock_offset_s) == ([], None)

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [{"one": 1}, [1], "one", ["n"] * 257])
def test_raised_nodes_that_are_no_list_of_names_are_refused(body: object) -> None:
    """The old list stays."""

    async def scenario() -> None:
        async with node(loaders=()) as one:
            await one.control("PUT", "/control/raised", ["two"])
            answer = await one.control("PUT", "/control/raised", body)
            assert (answer.status, answer.code) == (400, "invalid_raised")
            assert (await one.control("POST", "/control/raised", [])).status == 405
            assert one.server.node.heartbeat().raised == ["two"]
            assert (await send(one.address, "PUT", "/control/raised", ["three"])).status == 404

    asyncio.run(scenario())


def test_peers_clock_is_compared_with_this_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ahead is positive; a network's delay is halved between the two ways."""

    async def scenario() -> None:
        async with node("one", models=MODELS, loaders=()) as one, node("two", models=MODELS) as two:
            await acquaint(one, two)
            (status,) = (await one.control("GET", "/control/status")).json["peers"]
            assert abs(status["clock_offset_s"]) < 0.5
            honest = two.server.node.heartbeat()
            ahead = dataclasses.replace(honest, time_unix=honest.time_unix + 3600)
            monkeypatch.setattr(two.server.node, "heartbeat", lambda: ahead)
            peer = one.server.node.peers["two"]
            await until(lambda: (peer.clock_offset_s or 0) > 3500, "a heartbeat tells")
            assert peer.clock_offset_s == pytest.approx(3600, abs=5)

    asyncio.run(scenario())


def test_heartbeats_of_older_and_newer_proxies_are_understood() -> None:
    """During an upgrade both are about."""
    old = b'{"schema":1,"node":"two","time_unix":5.0,"models":[]}'
    assert msgspec.json.decode(old, type=Heartbeat).raised == []
    model = b'{"model":"m","ready":true,"in_flight":0,"queued":0,"concurrency":1,"warmth":0.5}'
    new = b'{"schema":1,"node":"two","time_unix":5.0,"mood":"fine","raised":["x"],"models":[' + model + b"]}"
    heartbeat = msgspec.json.decode(new, type=Heartbeat)
    assert (heartbeat.raised, heartbeat.models[0].model) == (["x"], "m")


def test_statuses_of_older_proxies_are_understood() -> None:
    """What they do not tell is unknown or none."""
    peer = b'{"name":"two","reachable":true,"age_s":0.5,"models":[]}'
    told = msgspec.json.decode(peer, type=PeerStatus)
    assert (told.raised, told.clock_offset_s) == ([], None)
    spec = b'{"name":"l","model":"m","artifact":"a","runtime":"r","http_socket":"h","stats_socket":"s"}'
    loader = (
        b'{"spec":%b,"state":"ready","in_flight":0,"queued":0,"served":0,"errors":0,"latency":{"count":0}}'
    )
    assert msgspec.json.decode(loader % spec, type=LoaderStatus).busy_s is None
    proxy = (
        b'{"node":"one","pid":1,"release":"","started_unix":1.0,"listen":"","slots":[],"peers":[],'
        b'"requests":0,"failed":0,"rejected":0,"in_flight":0}'
    )
    assert msgspec.json.decode(proxy, type=ProxyStatus).unrecorded_requests == 0


def test_request_on_a_connection_to_an_unreachable_peer_fails_at_once() -> None:
    """Connecting again to a peer that is known to be unreachable would only take time."""
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async def scenario() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        config = PeerConfig(name="two", host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        peer = peers_module.Peer(config, "one", b"secret", lambda: None)
        kept = await peer.send("GET", "/", b"", {})
        assert await kept.whole() == b"{}"
        peer.keep(kept)
        async with node() as one:
            hanging = asyncio.create_task(one.ask("HANG"))
            await until(lambda: one.loader().in_flight == 1, "a call is under way")
            (call,) = one.loader().calls
            asked = asyncio.create_task(peer.send("POST", "/", b"{}", {}, call))
            await until(lambda: peer.calls.get(call) is kept, "it goes out on the kept connection")
            kept.last_byte -= 60.0
            peer.note_unreachable("gone")
            with pytest.raises(CutError):
                await asked
            hanging.cancel()
        (writer,) = connections
        writer.close()
        await peer.stop()
        server.close()

    asyncio.run(scenario())
