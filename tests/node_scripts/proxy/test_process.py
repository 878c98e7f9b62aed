"""The proxy as a process: start, stop, stale and taken sockets."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from node_scripts.contracts import Slot
from node_scripts.paths import NodePaths
from node_scripts.records import RequestRecord
from tests.node_scripts.proxy.rig import Answer, completion, model_config, send, until, write_settings
from tests.node_scripts.proxy.stub_loader import StubLoader


@asynccontextmanager
async def proxy_process(root: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the proxy of ``root`` and wait until it answers, unless it ends before."""
    command = (sys.executable, "-m", "node_scripts.proxy", "--root", str(root), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def listening(root: Path) -> tuple[str, int]:
    """Return where the proxy of ``root`` listens, once it does."""
    path = NodePaths.at(root).control_socket
    deadline = asyncio.get_running_loop().time() + 8
    while True:
        try:
            answer = await send(path, "GET", "/control/status")
        except OSError:
            assert asyncio.get_running_loop().time() < deadline, "the proxy never answers"
            await asyncio.sleep(0.02)
            continue
        host, _, port = answer.json["listen"].rpartition(":")
        return host, int(port)


def settle(root: Path, **proxy: float) -> None:
    """Write a node's settings."""
    write_settings(root, "one", [model_config()], proxy, [], [])


async def serve_stub(root: Path, *, delay_s: float = 0.0) -> StubLoader:
    """Start a stub and put it into the proxy's slot."""
    stub = await StubLoader(NodePaths.at(root).run).start()
    stub.token_delay_s = delay_s
    slot = msgspec.json.encode(Slot(model="tiny", active=stub.spec))
    answer = await send(NodePaths.at(root).control_socket, "PUT", "/control/slots/tiny", slot)
    assert answer.status == 200, answer.body
    return stub


def test_sigterm_drains_and_exits_0(tmp_path: Path) -> None:
    """What is in flight ends whole, nothing new is accepted, and the exit is prompt."""
    settle(tmp_path)

    async def scenario() -> None:
        async with proxy_process(tmp_path) as process:
            address = await listening(tmp_path)
            stub = await serve_stub(tmp_path, delay_s=0.1)
            running = asyncio.create_task(send(address, "POST", "/v1/chat/completions", completion()))
            await until(lambda: len(stub.connections) == 1, "one runs")
            process.send_signal(signal.SIGTERM)
            assert (await running).text == "aaaa"
            assert await asyncio.wait_for(process.wait(), 1.0) == 0
            assert not NodePaths.at(tmp_path).control_socket.exists()
            stub.stop()

    asyncio.run(scenario())


def test_drain_ends_at_its_limit_with_an_error_event(tmp_path: Path) -> None:
    """A stream that does not end in time is not passed off as complete."""
    settle(tmp_path)

    async def scenario() -> Answer | None:
        async with proxy_process(tmp_path, "--drain", "0.3") as process:
            address = await listening(tmp_path)
            stub = await serve_stub(tmp_path)
            body = completion("LATEHANG", stream=True)
            running = asyncio.create_task(send(address, "POST", "/v1/chat/completions", body))
            await until(lambda: len(stub.connections) == 1, "one runs")
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 3.0) == 0
            stub.stop()
            return await running

    answer = asyncio.run(scenario())
    assert answer is not None
    assert not answer.complete
    assert json.loads(answer.events[-1])["error"]["code"] == "stopping"


def test_stale_socket_file_is_replaced_and_a_live_proxy_is_not(tmp_path: Path) -> None:
    """Left by a proxy that was killed; the second proxy of a live one gives up."""
    settle(tmp_path)
    paths = NodePaths.at(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(str(paths.control_socket))

    async def scenario() -> None:
        async with proxy_process(tmp_path):
            await listening(tmp_path)
            async with proxy_process(tmp_path, "--no-handover") as second:
                _, log = await second.communicate()
                assert second.returncode == 1
                assert b"another proxy answers" in log
            assert (await send(paths.control_socket, "GET", "/control/status")).status == 200

    asyncio.run(scenario())


def test_invalid_settings_end_the_start_with_one_line(tmp_path: Path) -> None:
    """Not a traceback."""
    NodePaths.at(tmp_path).make()

    async def scenario() -> tuple[int | None, bytes]:
        async with proxy_process(tmp_path) as process:
            _, log = await process.communicate()
            return process.returncode, log

    status, log = asyncio.run(scenario())
    assert status == 1
    assert b"fleet.json: missing" in log
    assert log.count(b"\n") == 1


def test_log_holds_nothing_of_what_clients_send(tmp_path: Path) -> None:
    """Neither prompts nor answers, keys or headers, also when things fail."""
    settle(tmp_path, queue_timeout_s=0.3)

    async def scenario() -> bytes:
        async with proxy_process(tmp_path) as process:
            address = await listening(tmp_path)
            stub = await serve_stub(tmp_path)
            stub.word = "canary-answer"
            headers = {"authorization": "Bearer canary-key", "x-canary": "canary-header"}
            for word in ("fine", "CUT", "REFUSE", "LATEDIE"):
                for body in (
                    completion(f"canary-prompt {word}"),
                    completion(f"canary-prompt {word}", stream=True),
                ):
                    await stub.start()
                    await send(address, "POST", "/v1/chat/completions", body, headers)
            await send(address, "POST", "/v1/chat/completions", b'{"canary-json', headers)
            process.send_signal(signal.SIGTERM)
            _, log = await process.communicate()
            stub.stop()
            await asyncio.sleep(0.05)
            return log

    log = asyncio.run(scenario())
    assert b"failed" in log
    assert b"canary" not in log


def test_answers_that_clients_had_are_recorded_when_the_proxy_is_killed(tmp_path: Path) -> None:
    """Every line is whole; missing is at most the answer that was just being sent."""
    settle(tmp_path)
    path = "/v1/chat/completions"

    async def scenario() -> tuple[int, int]:
        async with proxy_process(tmp_path) as process:
            address = await listening(tmp_path)
            stub = await serve_stub(tmp_path)
            answered = 0

            async def client() -> None:
                nonlocal answered
                while True:
                    try:
                        answer = await send(address, "POST", path, completion())
                    except (OSError, IndexError):  # refused, or cut off before its status
                        return
                    answered += answer.body.endswith(b"}")

            clients = [asyncio.create_task(client()) for _ in range(8)]
            await until(lambda: answered > 50, "traffic flows")
            process.kill()
            await asyncio.gather(*clients)
            stub.stop()
            return answered, len(stub.requests)

    answered, asked = asyncio.run(scenario())
    (journal,) = NodePaths.at(tmp_path).request_journal.iterdir()
    content = journal.read_bytes()
    records = [msgspec.json.decode(line, type=RequestRecord) for line in content.splitlines()]
    assert content.endswith(b"\n")
    assert {record.outcome for record in records} == {"answered"}
    assert answered - 1 <= len(records) <= asked
