"""What the request journals of two nodes say, against what clients and the loader itself counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest

from node_scripts.contracts import LoaderSpec, Slot
from node_scripts.records import RequestRecord
from tests.node_scripts.loader_process import RunningLoader, running_loader
from tests.node_scripts.proxy.recorded import records_of
from tests.node_scripts.proxy.rig import KEY, RigNode, acquaint, client_key, model_config, node, until

pytestmark = pytest.mark.fleet

ROUNDS = 6
OTHER_KEY = "sk-garnet-othr"


@dataclass
class Counted:
    """What one key's clients counted."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """``answered``, or the error's code."""
    told: Counter[str] = field(default_factory=Counter)
    """Tokens, of the answers that told them."""
    untold: int = 0
    """Answers that told no tokens."""

    def note_usage(self, usage: Any) -> None:
        """Add one answer's counts."""
        self.outcomes["answered"] += 1
        if usage is None:
            self.untold += 1
            return
        self.told["prompt"] += usage.prompt_tokens
        self.told["cached"] += usage.prompt_tokens_details.cached_tokens
        self.told["completion"] += usage.completion_tokens


async def ask(client: openai.AsyncOpenAI, counted: Counted, path: str, **request: Any) -> None:
    """Send one request and count what comes."""
    create: Any = client.chat.completions.create if path == "chat" else client.completions.create
    try:
        answer = await create(**request)
        if not request.get("stream"):
            counted.note_usage(answer.usage)
            return
        chunks = [chunk async for chunk in answer]
        counted.note_usage(chunks[-1].usage)
    except openai.APIError as error:
        counted.outcomes[str(error.code)] += 1


def mixed(round_: int) -> list[tuple[str, dict[str, Any]]]:
    """Return requests of every kind, some of which are refused."""
    words = f"round {round_} of words"
    chat: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": words}]}
    text: dict[str, Any] = {"model": "m", "prompt": words}
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    asked: list[tuple[str, dict[str, Any]]] = []
    for path, request in (("chat", chat), ("text", text)):
        ways: list[dict[str, Any]] = [{}, {"stream": True}, usage, {"logprobs": path == "chat" or 1}]
        asked += [(path, {**request, "max_tokens": 3 + round_, **way}) for way in ways]
        asked.append((path, {**request, "model": "canary"}))
        asked.append((path, {**request, "max_tokens": -1}))
        asked.append((path, {**request, **usage, "temperature": 9}))
    asked.append(("text", {**text, "prompt": "long " * 600}))
    asked.append(("text", {**text, "prompt": "long " * 600, "stream": True}))
    return asked


async def serve(one: RigNode, loader: RunningLoader) -> None:
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


def totals(records: list[RequestRecord]) -> Counter[str]:
    """Return the sums of tokens."""
    sums: Counter[str] = Counter()
    for record in records:
        sums["prompt"] += record.prompt_tokens
        sums["cached"] += record.cached_tokens
        sums["completion"] += record.completion_tokens
    return sums


def outcomes(records: list[RequestRecord]) -> Counter[str]:
    """Return how often each outcome was, errors by their code."""
    return Counter(record.error or record.outcome for record in records)


def test_journals_add_up_to_what_clients_and_the_loader_counted(
    node_python: Path, tiny_model_a: Path
) -> None:
    """Requests, errors by code, and tokens by kind, by key, through a peer and at once: exactly."""

    async def scenario(loader: RunningLoader) -> None:
        keys = [client_key(), client_key(OTHER_KEY)]
        models = [model_config("m", nodes=["two"], concurrency=4)]
        async with (
            node("one", models=models, loaders=(), keys=keys) as one,
            node("two", models=models, loaders=(), keys=keys) as two,
        ):
            await serve(two, loader)
            await acquaint(one, two)
            await until(lambda: one.server.node.served_models() == ["m"], "the peer's model is known")
            counted = {KEY: Counted(), OTHER_KEY: Counted(), "sk-wrong": Counted()}
            before = loader.stats()
            await asyncio.gather(
                *(
                    clients_of(each, key, counted[key])
                    for each, key in ((one, KEY), (two, OTHER_KEY), (one, OTHER_KEY), (two, "sk-wrong"))
                )
            )
            after = loader.stats()
            all_records = records_of(one) + records_of(two)
            own = [record for record in all_records if not record.forwarded]
            for key, name in ((KEY, "key-test"), (OTHER_KEY, "key-othr"), ("sk-wrong", "")):
                check(counted[key], [record for record in own if record.key == name])
            served = [record for record in all_records if record.served_by == "loader-1"]
            through_one = [record for record in own if record.served_by == "peer:two"]
            forwarded = [record for record in all_records if record.forwarded]
            assert totals(served) == totals(own)
            assert totals(forwarded) == totals(through_one)
            assert len(forwarded) == len(through_one)
            assert Counter(record.error for record in forwarded) == Counter(
                record.error for record in through_one
            )
            assert totals(own) == {
                "prompt": after["prompt_tokens"] - before["prompt_tokens"],
                "cached": after["cached_tokens"] - before["cached_tokens"],
                "completion": after["generated_tokens"] - before["generated_tokens"],
            }

    with running_loader(node_python, tiny_model_a, model="m", context=512) as loader:
        asyncio.run(scenario(loader))


async def clients_of(one: RigNode, key: str, counted: Counted) -> None:
    """Send every kind of request to one node, two at a time."""
    base = f"http://127.0.0.1:{one.port}/v1"
    async with openai.AsyncOpenAI(api_key=key, base_url=base, max_retries=0) as client:
        for round_ in range(ROUNDS):
            requests = mixed(round_)
            for first, second in zip(requests[::2], requests[1::2], strict=True):
                await asyncio.gather(
                    *(ask(client, counted, path, **request) for path, request in (first, second))
                )


def check(counted: Counted, records: list[RequestRecord]) -> None:
    """Compare what one key's clients counted with its records."""
    assert outcomes(records) == counted.outcomes
    answered = [record for record in records if record.outcome == "answered"]
    # Half of the streams asked for usage; the others were told none, but their records have it.
    assert sum(record.stream for record in answered) == 2 * counted.untold
    assert all(record.prompt_tokens and record.completion_tokens for record in answered)
    plain = totals([record for record in answered if not record.stream])
    streams = totals([record for record in answered if record.stream])
    assert (streams["prompt"], streams["completion"]) == (
        2 * (counted.told["prompt"] - plain["prompt"]),
        2 * (counted.told["completion"] - plain["completion"]),
    )
