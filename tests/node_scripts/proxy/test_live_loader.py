"""The proxy in front of a real loader."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from node_scripts.contracts import LoaderSpec, Slot
from tests.node_scripts.loader_process import RunningLoader, running_loader
from tests.node_scripts.proxy.rig import (
    RigNode,
    completion,
    model_config,
    node,
    open_connection,
    request_bytes,
    until,
)

pytestmark = pytest.mark.fleet


async def _serve(one: RigNode, loader: RunningLoader) -> None:
    """Make a real loader the active one."""
    spec = LoaderSpec(
        name="loader-1",
        model=loader.model,
        artifact="tiny",
        runtime="runtime",
        http_socket=str(loader.http_socket),
        stats_socket=str(loader.stats_socket),
    )
    answer = await one.control("PUT", f"/control/slots/{loader.model}", Slot(model=loader.model, active=spec))
    assert answer.status == 200, answer.body


def test_answers_are_the_loaders_own_whole_and_streamed(node_python: Path, tiny_model_a: Path) -> None:
    """Reassembled or passed through: the same text, with the loader's own counts."""
    with running_loader(node_python, tiny_model_a, model="m", context=512) as loader:
        expected = loader.greedy_answer("hello world")

        async def scenario() -> None:
            async with node(loaders=(), models=[model_config("m")]) as one:
                await _serve(one, loader)
                plain = await one.ask("hello world", model="m", max_tokens=16)
                assert plain.text == expected
                assert plain.json["usage"]["completion_tokens"] == 16
                streamed = await one.ask("hello world", model="m", max_tokens=16, stream=True)
                assert streamed.text == expected
                assert streamed.complete
                status = (await one.control("GET", "/control/status")).json["slots"][0]["active"]
                assert status["pid"] == loader.process.pid
                assert status["served"] == 2
                assert status["stats"]["load_misses"] == 1

        asyncio.run(scenario())


def test_client_that_leaves_ends_the_generation(node_python: Path, tiny_model_a: Path) -> None:
    """Also when it did not ask for a stream: the loader is always asked for one."""
    with running_loader(node_python, tiny_model_a, model="m", context=4096) as loader:

        async def scenario() -> None:
            async with node(loaders=(), models=[model_config("m")]) as one:
                await _serve(one, loader)
                _, writer = await open_connection(one.address)
                body = completion("hello", model="m", max_tokens=4000)
                writer.write(request_bytes("POST", "/v1/chat/completions", body))
                await until(lambda: one.loader().in_flight == 1, "it generates")
                await until(lambda: (loader.stats()["decode"] or 0) > 0, "it decodes")
                writer.close()
                await until(lambda: loader.stats()["decode"] == 0, "it stops")
                assert loader.stats()["generated_tokens"] < 3000

        asyncio.run(scenario())


def test_stopped_loader_is_killed(node_python: Path, tiny_model_a: Path) -> None:
    """By the pid that its statistics gave while it still answered."""
    with running_loader(node_python, tiny_model_a, model="m", context=512) as loader:

        async def scenario() -> None:
            async with node(loaders=(), models=[model_config("m")]) as one:
                await _serve(one, loader)
                os.kill(loader.process.pid, signal.SIGSTOP)
                await until(lambda: loader.process.poll() is not None, "it is killed")
                assert loader.process.returncode == -signal.SIGKILL

        asyncio.run(scenario())
