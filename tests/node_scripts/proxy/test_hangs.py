"""Requests that hang loaders: they are blamed for the kill as for any other death."""

from __future__ import annotations

import asyncio
import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from node_scripts.proxy import watch
from tests.node_scripts.proxy.rig import Answer, RigNode, acquaint, model_config, node, until


class Supervisor:
    """Stubs that are processes to those who kill them, and are started again."""

    def __init__(self) -> None:
        """Supervise nothing yet."""
        self._pids = itertools.count(90_000_000)
        self._nodes: dict[int, RigNode] = {}
        self.kills: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def add(self, one: RigNode) -> None:
        """Supervise the node's stub; its pid is known to the proxy then."""
        stub = one.stubs["a"]
        stub.pid = next(self._pids)
        self._nodes[stub.pid] = one
        self.kills.setdefault(one.name, 0)
        await until(lambda: bool(one.loader().pid == stub.pid), "its pid is known")

    def kill(self, pid: int, _signum: int) -> None:
        """Kill a stub as os.kill() kills a process."""
        one = self._nodes.pop(pid)
        self.kills[one.name] += 1
        one.stubs["a"].die()
        self._tasks.append(asyncio.get_running_loop().create_task(self._start_again(one)))

    async def _start_again(self, one: RigNode) -> None:
        await until(lambda: not one.loader().usable, "its death is seen")
        await one.stubs["a"].start()
        await self.add(one)


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """Return a supervisor whose stubs the proxy kills."""
    found = Supervisor()
    monkeypatch.setattr(watch, "os", SimpleNamespace(kill=found.kill))
    return found


def test_request_that_hangs_two_loaders_is_refused(supervisor: Supervisor) -> None:
    """As one that kills them; then refused without touching a loader."""

    async def scenario() -> Answer:
        async with node(stall_timeout_s=0.3, first_byte_timeout_s=0.5) as one:
            await supervisor.add(one)
            answer = await one.ask("HANG")
            again = await one.ask("HANG")
            assert (again.status, again.code) == (400, "request_refused")
            assert supervisor.kills["one"] == 2
            await until(lambda: bool(one.loader().state == "ready"), "it is back")
            assert (await one.ask("innocent")).text == "aaaa"
            return answer

    answer = asyncio.run(scenario())
    assert (answer.status, answer.code) == (400, "request_refused")


def test_request_that_hangs_loaders_meets_one_other_node_and_no_third(supervisor: Supervisor) -> None:
    """The peer that killed its loader says so, and is not taken for one that never got the request."""

    async def scenario() -> None:
        models = [model_config(nodes=["one", "two", "three"])]
        limits: dict[str, Any] = {"stall_timeout_s": 0.3, "first_byte_timeout_s": 0.5}
        async with (
            node("one", models=models, **limits) as one,
            node("two", models=models, **limits) as two,
            node("three", models=models, **limits) as three,
        ):
            await acquaint(one, two, three)
            for each in (one, two, three):
                await supervisor.add(each)
            answer = await one.ask("HANG")
            assert (answer.status, answer.code) == (400, "request_refused")
            assert sorted(supervisor.kills.values()) == [0, 1, 1]
            assert sorted(len(each.stubs["a"].requests) for each in (one, two, three)) == [0, 1, 1]

    asyncio.run(scenario())


def test_others_in_a_loader_that_hangs_are_not_blamed(supervisor: Supervisor) -> None:
    """Their answers break off with the kill; the one that waited for too long did it."""

    async def scenario() -> None:
        limits: dict[str, Any] = {"stall_timeout_s": 0.4, "first_byte_timeout_s": 1.5}
        async with node(**limits) as one:
            await supervisor.add(one)
            stub = one.stubs["a"]
            culprit = asyncio.create_task(one.ask("HANG"))
            await until(lambda: len(stub.connections) == 1, "it hangs")
            stub.hang_all = True
            await asyncio.sleep(0.4)
            innocent = asyncio.create_task(one.ask("innocent"))
            await until(lambda: len(stub.connections) == 2, "another waits")
            await until(lambda: supervisor.kills["one"] == 1, "the loader is killed")
            stub.hang_all = False
            assert (await innocent).text == "aaaa"
            assert len(one.server.node.poison) == 1
            assert (await culprit).code == "request_refused"
            assert supervisor.kills["one"] == 2

    asyncio.run(scenario())


def test_others_at_a_peer_whose_loader_hangs_are_not_blamed(supervisor: Supervisor) -> None:
    """The peer tells whose fault it was."""

    async def scenario() -> None:
        models = [model_config(nodes=["two"])]
        limits: dict[str, Any] = {"stall_timeout_s": 0.4, "first_byte_timeout_s": 1.5}
        async with (
            node("one", models=models, loaders=(), **limits) as one,
            node("two", models=models, **limits) as two,
        ):
            await acquaint(one, two)
            await supervisor.add(two)
            stub = two.stubs["a"]
            culprit = asyncio.create_task(one.ask("HANG"))
            await until(lambda: len(stub.connections) == 1, "it hangs")
            stub.hang_all = True
            await asyncio.sleep(0.4)
            innocent = asyncio.create_task(one.ask("innocent"))
            await until(lambda: len(stub.connections) == 2, "another waits")
            await until(lambda: supervisor.kills["two"] == 1, "the loader is killed")
            stub.hang_all = False
            assert (await innocent).text == "aaaa"
            assert len(one.server.node.poison) == 1
            assert (await culprit).code == "request_refused"

    asyncio.run(scenario())
