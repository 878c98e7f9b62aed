"""Slots: flips under load, what is kept on disk, what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path

import msgspec
import pytest

from node_scripts.contracts import ProxyStatus, Slot, SlotStatus, SlotTable
from node_scripts.files import write_atomically
from node_scripts.proxy import slots
from node_scripts.proxy.server import Server, ServerOptions
from tests.node_scripts.proxy.rig import QUICK, Answer, node, send, until
from tests.node_scripts.proxy.stub_loader import StubLoader


def test_flip_under_hundreds_of_mixed_requests_loses_none_and_mixes_none() -> None:
    """Every answer is wholly the old model's or wholly the new one's."""

    async def scenario() -> None:
        async with node(loaders=("a", "b"), queue_limit=1000) as one:
            for stub in one.stubs.values():
                stub.token_delay_s = 0.001
            answers: list[Answer] = []

            async def client(number: int) -> None:
                for turn in range(12):
                    answer = await one.ask(f"{number} {turn}", stream=(number + turn) % 2 == 0)
                    answers.append(answer)

            clients = [asyncio.create_task(client(number)) for number in range(25)]
            for active, previous in (("b", "a"), ("a", "b"), ("b", "a")):
                seen = len(answers)
                await until(lambda seen=seen: len(answers) >= seen + 60, "traffic flows")  # type: ignore[misc]
                flipped = await one.put(active=one.stubs[active], previous=one.stubs[previous])
                assert flipped.status == 200
            await asyncio.gather(*clients)
            assert len(answers) == 300
            assert {answer.status for answer in answers} == {200}
            assert {answer.text for answer in answers} == {"aaaa", "bbbb"}
            assert all(answer.complete for answer in answers if answer.events)
            assert one.server.node.counters.failed == 0

    asyncio.run(scenario())


def test_flip_to_a_loader_that_does_not_answer_is_refused() -> None:
    """409, and the old one goes on; force puts it anyway."""

    async def scenario() -> None:
        async with node() as one:
            absent = StubLoader(one.paths.run, "loader-9", word="z")
            answer = await one.put(active=absent, previous=one.stubs["a"])
            assert (answer.status, answer.code) == (409, "loader_not_answering")
            assert (await one.ask()).text == "aaaa"
            assert list(one.server.node.registry.loaders) == ["loader-1"]
            slot = Slot(model="tiny", active=absent.spec)
            forced = await one.control("PUT", "/control/slots/tiny?force=1", slot)
            assert msgspec.json.decode(forced.body, type=SlotStatus).active.state == "starting"  # type: ignore[union-attr]

    asyncio.run(scenario())


def test_loader_that_still_loads_its_model_is_not_ready() -> None:
    """Its health says 200 all the while."""

    async def scenario() -> None:
        async with node(wait=False) as one:
            stub = one.stubs["a"]
            stub.loaded = False
            assert (await one.put(active=stub)).status == 409
            assert (
                await one.control("PUT", "/control/slots/tiny?force=1", Slot(model="tiny", active=stub.spec))
            ).status == 200
            waiting = asyncio.create_task(one.ask())
            await until(lambda: one.server.node.gates["tiny"].queued == 1, "it waits for the model")
            stub.loaded = True
            assert (await waiting).text == "aaaa"

    asyncio.run(scenario())


def test_loader_without_statistics_is_ready_by_its_health() -> None:
    """After a few probes without them."""

    async def scenario() -> None:
        async with node(wait=False) as one:
            stub = one.stubs["a"]
            stub.die()
            await stub.start(stats=False)
            await one.control("PUT", "/control/slots/tiny?force=1", Slot(model="tiny", active=stub.spec))
            assert (await one.ask()).status == 200
            assert one.loader().pid is None

    asyncio.run(scenario())


def test_slots_are_on_disk_before_they_take_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses changes nothing."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def scenario() -> None:
        async with node(loaders=("a", "b")) as one:
            table = msgspec.json.decode(one.paths.slots_file.read_bytes(), type=SlotTable)
            assert table.slots["tiny"].active == one.stubs["a"].spec
            monkeypatch.setattr(slots, "write_atomically", full)
            assert (await one.put(active=one.stubs["b"])).status == 500
            assert (await one.ask()).text == "aaaa"

    asyncio.run(scenario())


def test_requests_that_end_while_a_slot_is_written_do_not_drop_its_loaders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new loader is in no slot yet, and has nothing in flight: it is kept all the same."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(path: Path, content: bytes) -> None:
        begun.set()
        go_on.wait(10)
        write_atomically(path, content)

    async def scenario() -> None:
        async with node() as one:
            monkeypatch.setattr(slots, "write_atomically", slow)
            coming = StubLoader(one.paths.run, "loader-9", word="z")
            slot = Slot(model="tiny", active=one.stubs["a"].spec, next=coming.spec)
            put = asyncio.create_task(one.control("PUT", "/control/slots/tiny", slot))
            await until(begun.is_set, "the slot is being written")
            assert (await one.ask()).text == "aaaa"
            go_on.set()
            assert (await put).status == 200
            assert set(one.server.node.registry.loaders) == {"loader-1", "loader-9"}

    asyncio.run(scenario())


def test_restarted_proxy_serves_its_slots_again() -> None:
    """Without being told."""

    async def scenario() -> None:
        async with node() as one:
            await one.server.stop()
            server = Server(one.paths, ServerOptions(drain_s=1.0, watch_limits=QUICK))
            await server.start()
            one.server = server
            assert (await one.ask()).text == "aaaa"

    asyncio.run(scenario())


def test_unreadable_slot_table_is_kept_aside_and_told() -> None:
    """The node's peers are served through it nevertheless."""

    async def scenario() -> None:
        async with node() as one:
            await one.server.stop()
            one.paths.slots_file.write_text("{")
            one.server = Server(one.paths, ServerOptions(drain_s=1.0, watch_limits=QUICK))
            await one.server.start()
            status = await one.control("GET", "/control/status")
            assert "slots.json" in status.json["last_error"]
            assert one.paths.slots_file.with_suffix(".unreadable").exists()

    asyncio.run(scenario())


def test_figures_survive_a_flip_and_requests_of_the_old_loader_run_on() -> None:
    """Also out of every slot: shown as draining until the last has ended."""

    async def scenario() -> None:
        async with node(loaders=("a", "b")) as one:
            await one.ask()
            slow = asyncio.create_task(one.ask("SLOW"))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            flipped = await one.put(active=one.stubs["b"], previous=one.stubs["a"])
            assert flipped.json["previous"]["served"] == 1
            assert flipped.json["previous"]["in_flight"] == 1
            await one.put(active=one.stubs["b"])
            status = msgspec.json.decode((await one.control("GET", "/control/status")).body, type=ProxyStatus)
            assert [loader.spec.name for loader in status.draining] == ["loader-1"]
            assert (await slow).text == "aaaa"
            await until(lambda: "loader-1" not in one.server.node.registry.loaders, "it is forgotten")

    asyncio.run(scenario())


def test_deleted_slot_serves_no_more() -> None:
    """And deleting it again is 404."""

    async def scenario() -> None:
        async with node() as one:
            assert (await one.control("DELETE", "/control/slots/tiny")).status == 200
            assert (await one.ask()).status == 503
            assert (await one.control("DELETE", "/control/slots/tiny")).status == 404
            assert json.loads(one.paths.slots_file.read_bytes())["slots"] == {}

    asyncio.run(scenario())


def test_slot_must_name_its_model_and_each_loader_once() -> None:
    """What is put is checked."""

    async def scenario() -> None:
        async with node() as one:
            spec = one.stubs["a"].spec
            for path, slot in (
                ("/control/slots/other", Slot(model="tiny", active=spec)),
                ("/control/slots/other", Slot(model="other", active=spec)),
                ("/control/slots/tiny", Slot(model="tiny", active=spec, next=spec)),
            ):
                answer = await one.control("PUT", path, slot)
                assert (answer.status, answer.code) == (400, "invalid_slot")
            answer = await send(one.paths.control_socket, "PUT", "/control/slots/tiny", b"{")
            assert answer.status == 400

    asyncio.run(scenario())


def test_vocabulary_size_is_read_from_the_artifact(tmp_path: Path) -> None:
    """At the top or in the text part; 0 when unknown, which refuses token ids."""
    for name, content in (
        ("plain", {"vocab_size": 300}),
        ("nested", {"text_config": {"vocab_size": 7}}),
        ("none", {}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(content))
    sizes = [slots.vocabulary_size(tmp_path, name) for name in ("plain", "nested", "none", "absent")]
    assert sizes == [300, 7, 0, 0]


def test_control_socket_is_for_its_owner_only() -> None:
    """Mode 0600."""

    async def scenario() -> None:
        async with node() as one:
            assert os.stat(one.paths.control_socket).st_mode & 0o777 == 0o600  # noqa: PTH116

    asyncio.run(scenario())
