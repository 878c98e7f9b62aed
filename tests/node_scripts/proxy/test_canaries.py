"""Nothing of what clients send or are sent gets into the request journal or a log."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import Any

import pytest

from node_scripts.paths import NodePaths
from tests.node_scripts.proxy.recorded import records_of
from tests.node_scripts.proxy.rig import (
    KEY,
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
from tests.node_scripts.proxy.test_process import listening, proxy_process, serve_stub, settle

CANARY = "canary"
WORDS = ("fine", "CUT", "REFUSE", "LATEDIE", "THREAD")
HEADERS = {
    "x-canary": "canary-header",
    "user-agent": "canary-agent",
    "x-request-id": "canary-id",
    "openai-organization": "canary-organization",
}


def requests(word: str) -> list[Any]:
    """Return bodies that hold the canary wherever a client may write: all but the served model's name."""
    prompt = f"canary-prompt {word}"
    more: dict[str, Any] = {"user": "canary-user", "metadata": {"canary": "canary"}, "stop": ["canary-stop"]}
    return [
        completion(prompt, **more),
        completion(prompt, stream=True, **more),
        completion(prompt, stream=True, stream_options={"include_usage": True}, canary="canary-key"),
        completion(prompt, logprobs=True),
        completion(prompt, model="canary-model"),
        completion(prompt, max_tokens="canary-number"),
        completion(prompt, logit_bias={"canary-token": 1}),
        {"canary-json": "canary"},
        b'{"model": "canary-model"',
    ]


def files_with_canaries(root: Path) -> list[Path]:
    """Return the files below a node's root that hold a canary."""
    return [path for path in root.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


def test_journal_and_log_of_a_process_hold_no_canary(tmp_path: Path) -> None:
    """Every file below the node's root, and all that the process says."""
    settle(tmp_path, queue_timeout_s=0.2)

    async def scenario() -> bytes:
        async with proxy_process(tmp_path) as process:
            address = await listening(tmp_path)
            stub = await serve_stub(tmp_path)
            stub.word = "canary-answer"
            headers = {"authorization": "Bearer canary-key", **HEADERS}
            for word in WORDS:
                for body in requests(word):
                    await stub.start()
                    await send(address, "POST", "/v1/chat/completions", body, headers)
            await send(address, "POST", "/v1/canary-path", b"canary", headers)
            _, writer = await open_connection(address)
            writer.write(request_bytes("POST", "/v1/completions", completion("HANG canary"), headers)[:-5])
            await writer.drain()
            writer.close()
            stub.stop()
            process.send_signal(signal.SIGTERM)
            _, log = await process.communicate()
            return log

    log = asyncio.run(scenario())
    assert b"failed" in log
    assert CANARY.encode() not in log
    (journal,) = NodePaths.at(tmp_path).request_journal.iterdir()
    assert journal.read_bytes().count(b"\n") == len(WORDS) * len(requests("")) + 1
    assert files_with_canaries(tmp_path) == []


def test_journals_and_logs_of_two_nodes_hold_no_canary(caplog: pytest.LogCaptureFixture) -> None:
    """A peer is sent the prompt and a request id: neither stays."""
    keys = [client_key(), client_key("sk-garnet-canary-key")]
    models = [model_config(nodes=["two"])]

    async def scenario() -> None:
        async with (
            node("one", models=models, loaders=(), keys=keys, queue_timeout_s=0.2) as one,
            node("two", models=models, keys=keys, queue_timeout_s=0.2) as two,
        ):
            await acquaint(one, two)
            two.stubs["a"].word = "canary-answer"
            for word in WORDS:
                for body in requests(word):
                    await two.stubs["a"].start()
                    for key in (KEY, "sk-canary-wrong"):
                        headers = {"authorization": f"Bearer {key}", **HEADERS}
                        await send(one.address, "POST", "/v1/chat/completions", body, headers)
            asked = 2 * len(WORDS) * len(requests(""))
            await until(lambda: len(records_of(one)) == asked, "all are recorded")
            assert any(record.forwarded for record in records_of(two))
            for each in (one, two):
                assert files_with_canaries(each.root) == []

    with caplog.at_level(logging.DEBUG):
        asyncio.run(scenario())
    assert CANARY not in caplog.text
