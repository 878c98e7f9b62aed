"""A new proxy takes the sockets of a running one over."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from node_scripts.paths import NodePaths
from tests.node_scripts.proxy.rig import Answer, completion, parse_answer, request_bytes, send, until
from tests.node_scripts.proxy.test_process import listening, proxy_process, serve_stub, settle

KEEP = {"connection": "keep-alive"}


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
