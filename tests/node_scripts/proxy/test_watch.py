"""The watch over real processes: who is killed, and who never is."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from node_scripts.contracts import LoaderSpec, Slot
from tests.node_scripts.proxy.rig import RigNode, node, until
from tests.node_scripts.proxy.stub_loader import StubLoader


async def _spawn(spec: LoaderSpec) -> asyncio.subprocess.Process:
    module = "tests.node_scripts.proxy.stub_loader"
    arguments = ("--socket", spec.http_socket, "--stats", spec.stats_socket)
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments)


@asynccontextmanager
async def loader_process(one: RigNode) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a stub as a process of its own and make it active."""
    spec = StubLoader(one.paths.run).spec
    process = await _spawn(spec)
    try:
        answer = await one.control("PUT", "/control/slots/tiny?force=1", Slot(model="tiny", active=spec))
        assert answer.status == 200
        await until(lambda: one.loader().state == "ready", "it is ready")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def test_stopped_loader_is_killed_and_used_again_after_its_restart() -> None:
    """SIGSTOP: it neither answers nor ends by itself; what it held is answered by its successor."""

    async def scenario() -> None:
        async with node(loaders=()) as one, loader_process(one) as process:
            pid = one.loader().pid
            assert pid == process.pid
            os.kill(process.pid, signal.SIGSTOP)
            stuck = asyncio.create_task(one.ask())
            assert await asyncio.wait_for(process.wait(), 8.0) == -signal.SIGKILL
            assert one.loader().last_error is not None
            successor = await _spawn(one.loader().spec)
            try:
                assert (await stuck).text == "aaaa"
                assert one.loader().pid == successor.pid
            finally:
                successor.kill()
                await successor.wait()

    asyncio.run(scenario())


def test_loader_on_whose_answers_nothing_comes_is_killed() -> None:
    """Its health answers all the while."""

    async def scenario() -> None:
        quick = node(loaders=(), queue_timeout_s=2.0, stall_timeout_s=0.3, first_byte_timeout_s=0.3)
        async with quick as one, loader_process(one) as process:
            stuck = asyncio.create_task(one.ask("HANG"))
            assert await asyncio.wait_for(process.wait(), 8.0) == -signal.SIGKILL
            assert (await stuck).status == 503

    asyncio.run(scenario())


def test_loader_with_a_dead_generation_thread_is_killed() -> None:
    """The process is up, and every request to it would fail."""

    async def scenario() -> None:
        async with node(loaders=(), queue_timeout_s=1.0) as one, loader_process(one) as process:
            asked = asyncio.create_task(one.ask("THREAD"))
            assert await asyncio.wait_for(process.wait(), 8.0) == -signal.SIGKILL
            assert (await asked).status == 503

    asyncio.run(scenario())


def test_starting_loader_is_never_killed_for_not_answering() -> None:
    """However long it takes; its pid is known all the same."""

    async def scenario() -> None:
        async with node(wait=False) as one:
            stub = one.stubs["a"]
            process = await asyncio.create_subprocess_exec("sleep", "60")
            stub.pid, stub.loaded = process.pid, False
            await one.control("PUT", "/control/slots/tiny?force=1", Slot(model="tiny", active=stub.spec))
            await until(lambda: one.loader().pid == process.pid, "its pid is known")
            stub.mute = True
            await asyncio.sleep(1.6)
            assert one.loader().state == "starting"
            assert process.returncode is None
            process.kill()
            await process.wait()

    asyncio.run(scenario())


def test_pid_is_forgotten_when_nobody_listens_any_more() -> None:
    """It may be another process by now."""

    async def scenario() -> None:
        async with node() as one:
            process = await asyncio.create_subprocess_exec("sleep", "60")
            one.stubs["a"].pid = process.pid
            await until(lambda: one.loader().pid == process.pid, "its pid is known")
            one.stubs["a"].die()
            await until(lambda: one.loader().state == "down", "its death is seen")
            assert one.loader().pid is None
            await asyncio.sleep(0.3)
            assert process.returncode is None
            process.kill()
            await process.wait()

    asyncio.run(scenario())
