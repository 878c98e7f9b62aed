"""A new proxy takes the sockets of a running one over."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

from node_scripts.paths import NodePaths
from tests.node_scripts.proxy.rig import (
    KEY,
    Answer,
    client_key,
    completion,
    model_config,
    parse_answer,
    request_bytes,
    send,
    until,
    write_settings,
)
from tests.node_scripts.proxy.test_process import listening, proxy_process, serve_stub, settle

KEEP = {"connection": "keep-alive"}
AUTHORIZED = {"authorization": f"Bearer {KEY}"}


def test_new_proxy_takes_the_sockets_over_and_no_connection_is_refused(tmp_path: Path) -> None:
    """Under traffic: the old one finishes its answers and exits 0, the new one serves on."""
    settle(tmp_path)
    control = NodePaths.at(tmp_path).control_socket

    async def scenario() -> None:
        async with proxy_process(tmp_path) as old:
            address = await listening(tmp_path)
            stub = await serve_stub(tmp_path, delay_s=0.005)
            long = asyncio.create_task(
                send(address, "POST", "/v1/chat/completions", completion("SLOW", stream=True))
            )
            await until(lambda: len(stub.connections) == 1, "a long one runs")
            answers: list[Answer] = []
            stop = asyncio.Event()

            async def client() -> None:
                while not stop.is_set():
                    answer = await send(address, "POST", "/v1/chat/completions", completion())
                    answers.append(answer)

            clients = [asyncio.create_task(client()) for _ in range(4)]
            await until(lambda: len(answers) > 5, "traffic flows")
            async with proxy_process(tmp_path) as new:
                assert await asyncio.wait_for(old.wait(), 10.0) == 0
                seen = len(answers)
                await until(lambda: len(answers) > seen + 5, "traffic flows on")
                stop.set()
                await asyncio.gather(*clients)
                assert {answer.text for answer in answers} == {"aaaa"}
                assert (await long).complete
                status = (await send(control, "GET", "/control/status")).json
                assert status["pid"] == new.pid
                assert status["slots"][0]["active"]["state"] == "ready"
                new.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(new.wait(), 3.0) == 0
                assert not control.exists()
                lines = lines_by_process(tmp_path)
                assert set(lines) == {old.pid, new.pid}
                assert sum(len(each) for each in lines.values()) == len(answers) + 1
            stub.stop()

    asyncio.run(scenario())


def test_connections_without_a_request_are_served_after_the_handover(tmp_path: Path) -> None:
    """One was accepted just before, one is kept alive: both get their answer, and are closed then."""
    settle(tmp_path)
    request = request_bytes("POST", "/v1/chat/completions", completion(), KEEP)

    async def scenario() -> None:
        async with proxy_process(tmp_path) as old:
            address = await listening(tmp_path)
            stub = await serve_stub(tmp_path)
            fresh = await asyncio.open_connection(*address)
            kept = await asyncio.open_connection(*address)
            kept[1].write(request)
            first = await kept[0].readuntil(b"\r\n\r\n")
            length = next(line for line in first.split(b"\r\n") if line.startswith(b"content-length"))
            await kept[0].readexactly(int(length.split(b": ")[1]))
            log = asyncio.create_task(line_with(old, b"draining"))
            async with proxy_process(tmp_path):
                await asyncio.wait_for(log, 8.0)
                for reader, writer in (fresh, kept):
                    writer.write(request)
                    answer = parse_answer(await asyncio.wait_for(reader.read(-1), 5.0))
                    assert (answer.status, answer.text) == (200, "aaaa")
                    assert answer.headers["connection"] == "close"
                    writer.close()
                assert await asyncio.wait_for(old.wait(), 3.0) == 0, "nobody is left to wait for"
                lines = lines_by_process(tmp_path)
                assert {pid: len(each) for pid, each in lines.items()} == {old.pid: 3}, "it noted to its end"
            stub.stop()

    asyncio.run(scenario())


def test_a_first_key_that_comes_with_a_new_proxy_opens_the_network(tmp_path: Path) -> None:
    """The port stays, the host changes: it cannot be bound before the old proxy has let go."""
    settle(tmp_path)
    control = NodePaths.at(tmp_path).control_socket

    async def scenario() -> None:
        async with proxy_process(tmp_path) as old:
            address = await listening(tmp_path)
            stub = await serve_stub(tmp_path)
            write_host(tmp_path, "0.0.0.0", address[1])
            async with proxy_process(tmp_path) as new:
                assert await asyncio.wait_for(old.wait(), 10.0) == 0
                await asyncio.wait_for(line_with(new, b"listening on 0.0.0.0"), 8.0)
                status = (await send(control, "GET", "/control/status")).json
                assert (status["pid"], status["listen"]) == (new.pid, f"0.0.0.0:{address[1]}")
                answer = await send(address, "POST", "/v1/chat/completions", completion(), AUTHORIZED)
                assert (answer.status, answer.text) == (200, "aaaa")
            stub.stop()

    asyncio.run(scenario())


def test_a_host_that_the_machine_does_not_have_leaves_the_old_proxy_serving(tmp_path: Path) -> None:
    """It is found before anything is taken over."""
    settle(tmp_path)

    async def scenario() -> None:
        async with proxy_process(tmp_path) as old:
            address = await listening(tmp_path)
            write_host(tmp_path, "203.0.113.1", address[1])
            async with proxy_process(tmp_path) as new:
                assert await asyncio.wait_for(new.wait(), 10.0) == 1
            assert old.returncode is None
            assert (await send(address, "GET", "/v1/models")).status == 200

    asyncio.run(scenario())


def test_a_host_whose_port_another_has_leaves_the_new_proxy_where_the_old_one_was(tmp_path: Path) -> None:
    """Somebody must serve; the next reload says what is wrong, and moves once it can."""
    settle(tmp_path)
    control = NodePaths.at(tmp_path).control_socket

    async def scenario() -> None:
        async with proxy_process(tmp_path) as old:
            address = await listening(tmp_path)
            with socket.create_server(("127.0.0.2", address[1])):
                write_host(tmp_path, "127.0.0.2", address[1])
                async with proxy_process(tmp_path) as new:
                    assert await asyncio.wait_for(old.wait(), 10.0) == 0
                    await asyncio.wait_for(line_with(new, b"cannot listen on 127.0.0.2"), 8.0)
                    status = (await send(control, "GET", "/control/status")).json
                    assert (status["pid"], status["listen"]) == (new.pid, f"127.0.0.1:{address[1]}")
                    assert (await send(address, "GET", "/v1/models", headers=AUTHORIZED)).status == 200
                    refused = await send(control, "POST", "/control/reload")
                    assert refused.status == 400
                    assert (await send(address, "GET", "/v1/models", headers=AUTHORIZED)).status == 200

    asyncio.run(scenario())


def write_host(root: Path, host: str, port: int) -> None:
    """Write a node's settings with a client key and where to listen."""
    proxy = {"listen_host": host, "listen_port": port}
    write_settings(root, "one", [model_config()], proxy, [client_key()], [])


async def line_with(process: asyncio.subprocess.Process, part: bytes) -> bytes:
    """Return the first line of the log that holds ``part``."""
    assert process.stderr is not None
    while part not in (line := await process.stderr.readline()):
        assert line, f"the log ends without {part!r}"
    return line


def lines_by_process(root: Path) -> dict[int, list[bytes]]:
    """Return the lines of the request journal by the process that wrote them."""
    lines: dict[int, list[bytes]] = {}
    for path in sorted(NodePaths.at(root).request_journal.iterdir()):
        writer = int(path.stem.partition("-")[2])
        lines.setdefault(writer, []).extend(path.read_bytes().splitlines())
    return lines
