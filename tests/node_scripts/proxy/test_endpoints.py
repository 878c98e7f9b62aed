"""Paths, keys, limits and answers of one node's proxy."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from node_scripts.contracts import HEARTBEAT_PATH, ModelConfig
from node_scripts.proxy.app import App
from node_scripts.proxy.identity import sign_peer
from tests.node_scripts.proxy.rig import (
    KEY,
    SECRET,
    Answer,
    client_key,
    completion,
    model_config,
    node,
    open_connection,
    request_bytes,
    send,
    until,
)


def test_chat_and_text_are_answered_whole_and_streamed() -> None:
    """The four ways to ask."""

    async def scenario() -> None:
        async with node() as one:
            assert (await one.ask()).text == "aaaa"
            streamed = await one.ask(stream=True)
            assert streamed.text == "aaaa"
            assert streamed.complete
            text = {"model": "tiny", "prompt": "x"}
            assert (await send(one.address, "POST", "/v1/completions", text)).text == "aaaa"
            answer = await send(one.address, "POST", "/v1/completions", {**text, "stream": True})
            assert answer.text == "aaaa"

    asyncio.run(scenario())


def test_answers_carry_the_node_and_a_request_id() -> None:
    """For the operator who looks for one answer."""

    async def scenario() -> None:
        async with node() as one:
            for answer in [await one.ask(), await one.ask(stream=True), await one.ask(model="no")]:
                assert answer.headers["garnet-node"] == "one"
                assert answer.headers["x-request-id"].startswith("req-")
                assert not [name for name in answer.headers if name.startswith("access-control")]

    asyncio.run(scenario())


def test_streams_forbid_buffering_and_caching() -> None:
    """Tokens arrive when they are made."""

    async def scenario() -> None:
        async with node() as one:
            headers = (await one.ask(stream=True)).headers
            assert headers["content-type"].startswith("text/event-stream")
            assert headers["cache-control"] == "no-cache"
            assert headers["x-accel-buffering"] == "no"

    asyncio.run(scenario())


def test_usage_reaches_only_who_asked_for_it() -> None:
    """The loader is always asked for it."""

    async def scenario() -> None:
        async with node() as one:
            assert '"usage"' not in (await one.ask(stream=True)).body.decode()
            asked = await one.ask(stream=True, stream_options={"include_usage": True})
            assert json.loads(asked.events[-2])["usage"]["completion_tokens"] == 4
            assert all(request["stream_options"]["include_usage"] for request in one.stubs["a"].requests)
            assert all(request["stream"] for request in one.stubs["a"].requests)

    asyncio.run(scenario())


def test_log_probabilities_are_asked_for_unstreamed_and_passed_on_whole() -> None:
    """mlx_lm's stream drops them."""

    async def scenario() -> None:
        async with node() as one:
            answer = await one.ask(logprobs=True, top_logprobs=2)
            assert answer.json["choices"][0]["logprobs"] == {"content": []}
            assert not one.stubs["a"].requests[0].get("stream")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("DELETE", "/health", 405, "method_not_allowed"),
        ("GET", "/", 404, "unknown_url"),
        ("POST", "/v1/embeddings", 404, "unknown_url"),
        ("GET", "/control/status", 404, "unknown_url"),
        ("GET", "/v1/modelsx", 404, "unknown_url"),
    ],
)
def test_wrong_method_or_path_is_told_in_openais_shape(
    method: str, path: str, status: int, code: str
) -> None:
    """Control paths do not exist on the public port."""

    async def scenario() -> Answer:
        async with node() as one:
            return await send(one.address, method, path)

    answer = asyncio.run(scenario())
    assert (answer.status, answer.code) == (status, code)
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}


def test_key_is_asked_for_when_one_is_in_force() -> None:
    """On every path but health; the control socket is trusted."""

    async def scenario() -> None:
        async with node(keys=[client_key()]) as one:
            for headers in ({}, {"authorization": "Bearer no"}):
                for method, path in (("GET", "/v1/models"), ("POST", "/v1/chat/completions")):
                    answer = await send(one.address, method, path, completion(), headers)
                    assert (answer.status, answer.code) == (401, "invalid_api_key")
            assert (await one.ask()).status == 200
            assert (await send(one.address, "GET", "/health")).status == 200
            trusted = await send(one.paths.control_socket, "POST", "/v1/chat/completions", completion())
            assert trusted.status == 200
            assert not [answer for answer in one.stubs["a"].requests if "authorization" in answer]

    asyncio.run(scenario())


def test_models_lists_what_can_be_served_now() -> None:
    """A model without a loader anywhere is not listed."""

    async def scenario() -> None:
        async with node(models=[model_config(), model_config("other")]) as one:
            listed = await send(one.address, "GET", "/v1/models")
            assert [entry["id"] for entry in listed.json["data"]] == ["tiny"]
            assert listed.json["object"] == "list"
            single = await send(one.address, "GET", "/v1/models/tiny")
            assert single.json["object"] == "model"
            missing = await send(one.address, "GET", "/v1/models/nope")
            assert (missing.status, missing.code) == (404, "model_not_found")

    asyncio.run(scenario())


def test_unknown_model_is_not_found_and_the_served_ones_are_named() -> None:
    """So that the client can correct itself."""

    async def scenario() -> None:
        async with node() as one:
            answer = await one.ask(model="gpt-4")
            assert (answer.status, answer.code) == (404, "model_not_found")
            assert "`tiny`" in answer.json["error"]["message"]

    asyncio.run(scenario())


def test_known_model_without_a_node_able_is_unavailable() -> None:
    """Fail closed, and say when to come back."""

    async def scenario() -> None:
        async with node(models=[model_config(), model_config("other")]) as one:
            answer = await one.ask(model="other")
            assert (answer.status, answer.code) == (503, "model_unavailable")
            assert int(answer.headers["retry-after"]) > 0

    asyncio.run(scenario())


def test_health_names_the_models_and_fails_without_any() -> None:
    """200 when this node can serve or reach something."""

    async def scenario() -> None:
        async with node() as one:
            answer = await send(one.address, "GET", "/health")
            assert answer.json == {"status": "ok", "node": "one", "models": ["tiny"]}
        async with node(loaders=()) as one:
            answer = await send(one.address, "GET", "/health")
            assert (answer.status, answer.json["status"]) == (503, "unavailable")

    asyncio.run(scenario())


def test_body_beyond_the_limit_is_refused_with_and_without_its_length() -> None:
    """By the header before a byte is read, else while reading."""

    async def scenario() -> None:
        async with node(max_body_bytes=1000) as one:
            answer = await one.ask("x" * 2000)
            assert (answer.status, answer.code) == (413, "request_too_large")
            reader, writer = await open_connection(one.address)
            writer.write(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(b"7d0\r\n" + b"x" * 2000 + b"\r\n")
            assert b" 413 " in await reader.readline()
            writer.close()
            assert one.stubs["a"].requests == []

    asyncio.run(scenario())


def test_client_that_leaves_while_its_body_is_read_changes_nothing() -> None:
    """No loader hears of it, no error is counted."""

    async def scenario() -> None:
        async with node() as one:
            _, writer = await open_connection(one.address)
            writer.write(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{")
            counters = one.server.node.counters
            await until(lambda: counters.in_flight == 1, "the request begins")
            writer.close()
            await until(lambda: counters.in_flight == 0, "the request ends")
            assert (counters.failed, counters.rejected) == (0, 0)
            assert one.stubs["a"].requests == []

    asyncio.run(scenario())


def test_kept_connection_serves_many_requests() -> None:
    """Keep-alive towards clients."""

    async def scenario() -> None:
        async with node() as one:
            reader, writer = await open_connection(one.address)
            for _ in range(3):
                writer.write(request_bytes("GET", "/v1/models", headers={"connection": "keep-alive"}))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                assert b"tiny" in await reader.readexactly(length)
            writer.close()

    asyncio.run(scenario())


def test_heartbeat_is_for_peers_only() -> None:
    """Load is nobody else's business."""

    async def scenario() -> None:
        async with node(keys=[client_key()]) as one:
            keyed = await send(one.address, "GET", HEARTBEAT_PATH, None, {"authorization": f"Bearer {KEY}"})
            assert keyed.status == 401
            now = one.server.node.started_unix
            header = sign_peer(bytes.fromhex(SECRET), "two", "one", now, "GET", HEARTBEAT_PATH, b"")
            answer = await send(one.address, "GET", HEARTBEAT_PATH, None, {"garnet-peer": header})
            assert answer.json["models"] == [
                {"model": "tiny", "ready": True, "in_flight": 0, "queued": 0, "concurrency": 8}
            ]

    asyncio.run(scenario())


def test_rejections_of_the_loader_are_passed_on_in_openais_shape() -> None:
    """The client's fault is told to the client, and not held against the loader."""

    async def scenario() -> None:
        async with node() as one:
            answer = await one.ask("REFUSE")
            assert (answer.status, answer.code) == (400, "bad_value")
            assert answer.json["error"]["param"] == "top_k"
            assert one.loader().errors == 0
            assert one.loader().state == "ready"

    asyncio.run(scenario())


def test_internal_error_answers_500_with_the_request_id_and_logs_no_content(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is swallowed, and nothing of a prompt gets into a log."""
    canary = "canary-prompt"

    def broken(*_: object) -> None:
        raise ValueError(canary)

    async def scenario() -> Answer:
        async with node() as one:
            with monkeypatch.context() as patch:
                patch.setattr("node_scripts.proxy.app.parse", broken)
                answer = await one.ask("canary-prompt")
            status = (await one.control("GET", "/control/status")).json
            assert status["failed"] == 1
            assert status["last_error"].endswith("ValueError")
            return answer

    with caplog.at_level(logging.INFO):
        answer = asyncio.run(scenario())
    assert (answer.status, answer.code) == (500, "internal_error")
    assert answer.headers["x-request-id"] in answer.json["error"]["message"]
    assert answer.headers["x-request-id"] in caplog.text
    assert "test_endpoints.py" in caplog.text
    assert "canary-prompt" not in caplog.text


def test_without_keys_only_callers_on_this_machine_are_served() -> None:
    """Also in the moment between the last key's end and the move to loopback."""

    async def scenario() -> None:
        async with node() as one:
            app = App(one.server.node, trusted=False)
            sent: list[object] = []

            async def receive() -> dict[str, object]:
                return {"type": "http.request", "body": b"{}"}

            async def reply(message: object) -> None:
                sent.append(message)

            scope = {"type": "http", "method": "GET", "path": "/v1/models", "headers": []}
            await app({**scope, "client": ("192.0.2.1", 1)}, receive, reply)
            assert sent[0]["status"] == 401  # type: ignore[index]

    asyncio.run(scenario())


def test_model_without_slot_but_in_the_fleet_is_known() -> None:
    """Configured elsewhere, not served anywhere: 503, not 404."""
    other = ModelConfig(name="other", nodes=["two"], concurrency=1, context=10)

    async def scenario() -> int:
        async with node(models=[other], loaders=()) as one:
            return (await one.ask(model="other")).status

    assert asyncio.run(scenario()) == 503
