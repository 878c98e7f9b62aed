"""One record for every completion request that has ended, however it ended."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from node_scripts import loader_checks, loader_guards
from node_scripts.proxy.error_codes import ERROR_CODES, OTHER, REFUSED_BY_LOADER, recorded
from node_scripts.proxy.identity import sign_peer
from node_scripts.records import OPERATOR_KEY, RequestRecord
from tests.node_scripts.proxy.recorded import next_record, records_of
from tests.node_scripts.proxy.rig import (
    KEY,
    SECRET,
    RigNode,
    acquaint,
    client_key,
    completion,
    model_config,
    node,
    open_connection,
    request_bytes,
    send,
    until,
)

PROXY = Path(__file__).resolve().parents[3] / "node_scripts" / "proxy"
TEXT = {"model": "tiny", "prompt": "x"}
COUNTS = (3, 0, 4)
"""What the stub counts: prompt, cached and completion tokens."""


def counts(record: RequestRecord) -> tuple[int, int, int]:
    """Return a record's tokens."""
    return record.prompt_tokens, record.cached_tokens, record.completion_tokens


@pytest.mark.parametrize("peer", [False, True])
def test_answers_are_recorded_with_the_tokens_that_clients_are_told(*, peer: bool) -> None:
    """Chat and text, plain, streamed with and without usage, and unstreamed by the loader; at a peer too."""

    async def scenario() -> tuple[list[RequestRecord], list[RequestRecord]]:
        models = [model_config(nodes=["two"] if peer else ["one"])]
        loaders = () if peer else ("a",)
        options: list[dict[str, Any]] = [{}, {"stream": True}]
        options += [{"stream": True, "stream_options": {"include_usage": True}}, {"logprobs": True}]
        async with node("one", models=models, loaders=loaders) as one, node("two", models=models) as two:
            await acquaint(one, two)
            for more in options:
                assert (await one.ask(**more)).status == 200
                body = {**TEXT, **more} if "logprobs" not in more else {**TEXT, "logprobs": 1}
                assert (await send(one.address, "POST", "/v1/completions", body)).status == 200
            return records_of(one), records_of(two)

    begin = time.time()
    own, others = asyncio.run(scenario())
    assert len(own) == 8
    assert {record.served_by for record in own} == {"peer:two" if peer else "loader-1"}
    assert [record.stream for record in own] == [False] * 2 + [True] * 4 + [False] * 2
    for record in own + others:
        assert (record.model, record.outcome, record.error, record.status) == ("tiny", "answered", "", 200)
        assert counts(record) == COUNTS
        assert begin <= record.end_unix <= time.time()
        assert record.queue_ms == 0
        assert 0 < (record.first_token_ms or record.latency_ms) <= record.latency_ms < 8000
    assert [record.first_token_ms is None for record in own] == [False] * 6 + [True] * 2
    assert {record.forwarded for record in own} == {False}
    assert [(record.forwarded, record.served_by) for record in others] == [(True, "loader-1")] * 8 * peer


def test_refused_requests_are_recorded_by_their_codes() -> None:
    """Each with the status that was sent, and without a word of the client's."""

    async def scenario() -> None:
        models = [model_config(), model_config("other")]
        async with node(models=models, keys=[client_key()], max_body_bytes=2000) as one:
            cases: list[tuple[Any, dict[str, str] | None, tuple[int, str, str]]] = [
                (completion(), {}, (401, "invalid_api_key", "")),
                (completion(), {"authorization": "Bearer sk-wrong"}, (401, "invalid_api_key", "")),
                (b"{", None, (400, "invalid_json", "")),
                (completion(model="canary-model"), None, (404, "model_not_found", "")),
                (completion(max_tokens=-1), None, (400, "invalid_value", "tiny")),
                (completion(max_tokens="x"), None, (400, "invalid_type", "tiny")),
                (completion("x" * 3000), None, (413, "request_too_large", "")),
                (completion(model="other"), None, (503, "model_unavailable", "other")),
            ]
            for body, headers, _ in cases:
                given = {"authorization": f"Bearer {KEY}"} if headers is None else headers
                await send(one.address, "POST", "/v1/chat/completions", body, given)
            found = records_of(one)
            assert [(record.status, record.error, record.model) for record in found] == [
                case[2] for case in cases
            ]
            assert [record.key for record in found] == ["", "", *["key-test"] * 6]
            for record in found:
                assert (record.outcome, record.served_by, counts(record)) == ("error", "", (0, 0, 0))

    asyncio.run(scenario())


def test_only_requests_for_completions_are_recorded() -> None:
    """Those of other paths and methods answer no tokens."""

    async def scenario() -> None:
        async with node() as one:
            for method, path in (
                ("GET", "/v1/models"),
                ("GET", "/health"),
                ("GET", "/v1/chat/completions"),
                ("POST", "/v1/embeddings"),
            ):
                await send(one.address, method, path)
            assert records_of(one) == []

    asyncio.run(scenario())


def test_wait_for_a_place_is_recorded() -> None:
    """Only of who waited; it is a part of the time to the first token."""

    async def scenario() -> None:
        async with node(models=[model_config(concurrency=1)], queue_limit=1) as one:
            one.stubs["a"].token_delay_s = 0.01
            first = asyncio.create_task(one.ask("first"))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            waiting = asyncio.create_task(one.ask("waits"))
            await until(lambda: one.server.node.gates["tiny"].queued == 1, "one waits")
            assert (await one.ask("no room")).status == 429
            await asyncio.gather(first, waiting)
            refused, running, waited = records_of(one)
            assert (refused.error, refused.status, refused.queue_ms) == ("rate_limit_exceeded", 429, 0)
            assert (running.outcome, running.queue_ms, waited.outcome) == ("answered", 0, "answered")
            assert 5 < waited.queue_ms < (waited.first_token_ms or 0) < waited.latency_ms

    asyncio.run(scenario())


def test_wait_in_vain_is_recorded() -> None:
    """Until the deadline."""

    async def scenario() -> None:
        async with node(models=[model_config(concurrency=1)], queue_timeout_s=0.1) as one:
            hanging = asyncio.create_task(one.ask("LATEHANG"))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            assert (await one.ask("in vain")).status == 429
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)
            record = records_of(one)[0]
            assert (record.error, record.served_by) == ("rate_limit_exceeded", "")
            assert 90 < record.queue_ms <= record.latency_ms

    asyncio.run(scenario())


def test_broken_streams_are_errors_that_were_sent_as_200() -> None:
    """Without tokens: no usage was told. The code is that of the error event."""

    async def scenario() -> None:
        async with node() as one:
            answer = await one.ask("CUT", stream=True)
            assert json.loads(answer.events[-1])["error"]["code"] == "loader_died"
            record = await next_record(one, 0)
            assert (record.outcome, record.error, record.status) == ("error", "loader_died", 200)
            assert (record.served_by, counts(record), record.stream) == ("loader-1", (0, 0, 0), True)
            assert record.first_token_ms is not None

    asyncio.run(scenario())


def test_loaders_refusals_are_recorded_at_the_place_that_refused() -> None:
    """By its own code where it has one; the client is told the same."""

    async def scenario() -> None:
        models = [model_config(nodes=["two"])]
        async with node("one", models=models, loaders=()) as one, node("two", models=models) as two:
            await acquaint(one, two)
            answer = await one.ask("REFUSE")
            assert (answer.status, answer.code) == (400, "bad_value")
            (own,), (other,) = records_of(one), records_of(two)
            assert (own.error, own.status, own.served_by) == (OTHER, 400, "peer:two")
            assert (other.error, other.status, other.served_by, other.forwarded) == (
                *(OTHER, 400, "loader-1"),
                True,
            )
            assert (await one.ask("x", temperature=9)).code == records_of(one)[1].error == "invalid_type"

    asyncio.run(scenario())


@pytest.mark.parametrize("stream", [False, True])
def test_clients_that_go_away_are_cancelled_and_no_errors(*, stream: bool) -> None:
    """While tokens come, while they wait, and while they still send their request."""

    async def scenario() -> None:
        async with node() as one:
            _, writer = await open_connection(one.address)
            writer.write(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{")
            await until(lambda: one.server.node.counters.in_flight == 1, "the request begins")
            writer.close()
            reading = await next_record(one, 0)
            assert (reading.status, reading.model, reading.served_by) == (0, "", "")
            reader, writer = await open_connection(one.address)
            body = completion("LATEHANG", stream=stream)
            writer.write(request_bytes("POST", "/v1/chat/completions", body))
            if stream:
                await reader.readuntil(b"data: ")
            await until(lambda: one.loader().in_flight == 1, "it runs")
            writer.close()
            running = await next_record(one, 1)
            assert (running.status, running.model, running.served_by) == (200 * stream, "tiny", "loader-1")
            for record in (reading, running):
                assert (record.outcome, record.error, counts(record)) == ("cancelled", "", (0, 0, 0))

    asyncio.run(scenario())


def test_client_of_a_peers_loader_that_goes_away_is_cancelled_at_both() -> None:
    """The forwarding node's own client left; the serving node's was the forwarding node."""

    async def scenario() -> None:
        models = [model_config(nodes=["two"])]
        async with node("one", models=models, loaders=()) as one, node("two", models=models) as two:
            await acquaint(one, two)
            reader, writer = await open_connection(one.address)
            body = completion("LATEHANG", stream=True)
            writer.write(request_bytes("POST", "/v1/chat/completions", body))
            await reader.readuntil(b"data: ")
            writer.close()
            own, other = await next_record(one, 0), await next_record(two, 0)
            assert (own.outcome, own.served_by, own.forwarded) == ("cancelled", "peer:two", False)
            assert (other.outcome, other.served_by, other.forwarded) == ("cancelled", "loader-1", True)

    asyncio.run(scenario())


def test_request_answered_at_the_second_try_is_recorded_once() -> None:
    """With the place and the tokens of the answer that the client got."""

    async def scenario() -> None:
        models = [model_config(nodes=["two", "three"])]
        async with (
            node("one", models=models, loaders=()) as one,
            node("two", models=models) as two,
            node("three", models=models) as three,
        ):
            await acquaint(one, two, three)
            for each in (two, three):
                each.stubs["a"].die()
                await until(lambda each=each: each.loader().state == "down", "its death is seen")  # type: ignore[misc]
            await three.stubs["a"].start()
            await until(lambda: three.loader().usable, "one is back")
            peers = one.server.node.peers
            await until(lambda: peers["three"].models["tiny"].ready, "it is told")
            peers["two"].models = dict(peers["three"].models)
            peers["three"]._sent["tiny"] = 1
            assert (await one.ask()).headers["garnet-node"] == "three"
            (own,) = records_of(one)
            assert (own.outcome, own.served_by, counts(own)) == ("answered", "peer:three", COUNTS)
            assert [(record.error, record.forwarded) for record in records_of(two)] == [
                ("model_unavailable", True)
            ]

    asyncio.run(scenario())


def test_request_that_reached_no_place_names_none() -> None:
    """The peer that it was sent to had none able to serve it."""

    async def scenario() -> None:
        models = [model_config(nodes=["two"])]
        async with (
            node("one", models=models, loaders=(), queue_timeout_s=0.2) as one,
            node("two", models=models) as two,
        ):
            await acquaint(one, two)
            peer = one.server.node.peers["two"]
            ready = dict(peer.models)
            two.stubs["a"].die()
            await until(lambda: two.loader().state == "down", "its death is seen")
            peer.models = ready
            assert (await one.ask()).status == 503
            (own,), others = records_of(one), records_of(two)
            assert (own.error, own.served_by) == ("model_unavailable", "")
            assert [(record.error, record.served_by) for record in others] == [("model_unavailable", "")]

    asyncio.run(scenario())


def test_internal_errors_are_recorded_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """500, with what was known by then."""

    def broken(*_: object) -> None:
        raise ValueError

    async def scenario() -> None:
        async with node() as one:
            monkeypatch.setattr("node_scripts.proxy.app.parse", broken)
            assert (await one.ask()).status == 500
            (record,) = records_of(one)
            assert (record.outcome, record.error, record.status) == ("error", "internal_error", 500)
            assert record.model == "tiny"

    asyncio.run(scenario())


def test_requests_cut_off_at_the_end_of_a_drain_are_recorded() -> None:
    """The proxy stops before the answer does."""

    async def scenario() -> tuple[RigNode, list[RequestRecord]]:
        async with node(drain_s=0.05) as one:
            tasks = [asyncio.create_task(one.ask("LATEHANG", stream=stream)) for stream in (False, True)]
            await until(lambda: one.loader().in_flight == 2, "they run")
            await asyncio.sleep(0.02)
            await one.server.stop()
            await asyncio.gather(*tasks)
            return one, records_of(one)

    _, found = asyncio.run(scenario())
    assert sorted((record.error, record.status) for record in found) == [("stopping", 200), ("stopping", 503)]


def test_request_that_only_claims_to_be_a_peers_is_no_peers() -> None:
    """Unless it names one: then what it is refused is counted there."""

    async def scenario() -> None:
        async with node(loaders=()) as one, node("two", loaders=()) as two:
            await acquaint(one, two)
            for header in ("nobody 1 ab", "two 1 ab"):
                body = completion()
                await send(one.address, "POST", "/v1/chat/completions", body, {"garnet-peer": header})
            path = "/v1/chat/completions"
            signed = sign_peer(bytes.fromhex(SECRET), "new", "one", time.time(), "POST", path, b"{}")
            await send(one.address, "POST", path, b"{}", {"garnet-peer": signed})
            assert [(record.error, record.forwarded) for record in records_of(one)] == [
                ("invalid_api_key", False),
                ("invalid_api_key", True),
                ("missing_required_parameter", True),
            ]

    asyncio.run(scenario())


def test_client_on_the_control_socket_is_recorded_as_the_operator() -> None:
    """Who may use it needs none."""

    async def scenario() -> None:
        async with node(keys=[client_key()]) as one:
            await send(one.paths.control_socket, "POST", "/v1/chat/completions", completion())
            (record,) = records_of(one)
            assert (record.outcome, record.key, counts(record)) == ("answered", OPERATOR_KEY, COUNTS)

    asyncio.run(scenario())


def test_journal_that_cannot_be_written_fails_no_request() -> None:
    """It is counted, and the status tells."""

    async def scenario() -> None:
        async with node() as one:
            one.paths.request_journal.rmdir()
            one.paths.request_journal.write_bytes(b"")
            for stream in (False, True):
                assert (await one.ask(stream=stream)).text == "aaaa"
            status = (await one.control("GET", "/control/status")).json
            assert status["unrecorded_requests"] == 2

    asyncio.run(scenario())


def test_busy_seconds_run_while_any_request_is_in_the_loader() -> None:
    """Overlapping requests count once, and idle time not at all."""

    async def scenario() -> None:
        async with node() as one:
            assert one.loader().busy_s == 0
            before = time.monotonic()
            tasks = [asyncio.create_task(one.ask(f"SLOW {number}")) for number in range(3)]
            await until(lambda: one.loader().busy_s > 0.1, "time runs while it works")
            await asyncio.gather(*tasks)
            spent = time.monotonic() - before
            total = one.loader().busy_s
            assert 0.2 < total <= spent
            status = (await one.control("GET", "/control/status")).json
            assert status["slots"][0]["active"]["busy_s"] == pytest.approx(total, abs=1e-6)

    asyncio.run(scenario())


def test_every_code_that_the_proxy_answers_with_can_be_recorded() -> None:
    """Read off the sources: a new code must be added to the fixed set."""
    answered = set()
    for path in PROXY.glob("*.py"):
        if path.name != "control.py":
            answered |= set(re.findall(r'code(?:=| = ).*?"([a-z_]+)"', path.read_text()))
    for module in (loader_checks, loader_guards):
        text = Path(str(module.__file__)).read_text()
        answered |= set(re.findall(r'InvalidRequestError\(\s*"([a-z_]+)"', text))
    assert {"context_length_exceeded", "rate_limit_exceeded"} <= answered
    assert answered - ERROR_CODES == {"unknown_url", "method_not_allowed"}


def test_codes_of_no_known_set_are_recorded_as_other() -> None:
    """A loader or a peer cannot put its own words there."""
    assert recorded("canary") == recorded(None) == OTHER
    assert recorded(REFUSED_BY_LOADER) == REFUSED_BY_LOADER
