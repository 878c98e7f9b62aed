"""Settings that change while the proxy runs."""

from __future__ import annotations

import asyncio

from node_scripts.contracts import ClientKey
from node_scripts.files import digest_of
from tests.node_scripts.proxy.rig import RigNode, client_key, model_config, node, send, until, write_settings


async def _reload(one: RigNode, keys: list[ClientKey], **proxy: object) -> int:
    one.keys = keys
    settings = {**one.proxy, "listen_port": one.port, **proxy}
    write_settings(one.root, one.name, one.models, settings, keys, one.peers)
    return (await one.control("POST", "/control/reload")).status


def test_status_tells_which_settings_are_loaded() -> None:
    """What is written but not loaded can be told from what is; an invalid file changes nothing."""

    async def scenario() -> None:
        async with node() as one:

            async def loaded() -> bool:
                status = (await one.control("GET", "/control/status")).json
                files = (path.read_bytes() if path.exists() else None for path in one.paths.settings_files)
                return bool(status["settings_digest"] == digest_of(files))

            assert await loaded()
            good = one.paths.keys_file.read_bytes()
            one.paths.keys_file.write_bytes(b"{")
            assert not await loaded()
            assert (await one.control("POST", "/control/reload")).status == 400
            assert not await loaded()
            one.paths.keys_file.write_bytes(good + b" ")
            assert (await one.control("POST", "/control/reload")).status == 200
            assert await loaded()

    asyncio.run(scenario())


def test_first_key_opens_the_configured_address_and_the_last_ones_end_closes_it() -> None:
    """Open connections stay where they are."""

    async def scenario() -> None:
        async with node(listen_host="0.0.0.0") as one:
            assert one.server.node.listen.startswith("127.0.0.1:")
            slow = asyncio.create_task(one.ask("SLOW"))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            assert await _reload(one, [client_key()]) == 200
            assert one.server.node.listen.startswith("0.0.0.0:")
            assert (await one.ask()).status == 200
            assert (await send(one.address, "GET", "/v1/models")).status == 401
            assert (await slow).status == 200
            assert await _reload(one, [client_key(revoked="2026-02-01T00:00:00Z")]) == 200
            assert one.server.node.listen.startswith("127.0.0.1:")
            assert (await send(one.address, "GET", "/v1/models")).status == 200

    asyncio.run(scenario())


def test_invalid_file_keeps_the_old_settings() -> None:
    """And the answer says what is wrong."""

    async def scenario() -> None:
        async with node() as one:
            one.paths.fleet_file.write_text('{"schema": 1}')
            answer = await one.control("POST", "/control/reload")
            assert (answer.status, answer.code) == (400, "invalid_settings")
            assert "fleet.json" in answer.json["error"]["message"]
            assert (await one.ask()).status == 200

    asyncio.run(scenario())


def test_address_that_cannot_be_bound_keeps_the_old_one() -> None:
    """Clients find the proxy where it was."""

    async def scenario() -> None:
        async with node("one", keys=[client_key()]) as one, node("two") as two:
            taken = two.port
            assert await _reload(one, one.keys, listen_port=taken) == 400
            assert (await one.ask()).status == 200

    asyncio.run(scenario())


def test_new_limits_and_models_take_effect() -> None:
    """Without a restart, and a removed model is gone."""

    async def scenario() -> None:
        async with node() as one:
            one.models = [model_config("other")]
            assert await _reload(one, [], max_body_bytes=10) == 200
            assert (await one.ask()).status == 413
            assert await _reload(one, []) == 200
            assert (await one.ask()).status == 404
            assert (await one.ask(model="other")).status == 503
            one.models = [model_config()]
            assert await _reload(one, []) == 200
            assert (await one.ask()).status == 200

    asyncio.run(scenario())
