"""The official client against the proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from tests.node_scripts.proxy.rig import KEY, RigNode, client_key, model_config, node, until

HELLO: Any = [{"role": "user", "content": "hello"}]
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
]


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[tuple[RigNode, openai.AsyncOpenAI]]:
    """Run a node and a client of it that does not try again by itself."""
    async with node(keys=[client_key()], **options) as one:
        base = f"http://127.0.0.1:{one.port}/v1"
        async with openai.AsyncOpenAI(api_key=KEY, base_url=base, max_retries=0) as client:
            yield one, client


def test_client_gets_chats_texts_and_models() -> None:
    """Whole answers, with usage."""

    async def scenario() -> None:
        async with served() as (_, client):
            chat = await client.chat.completions.create(model="tiny", messages=HELLO)
            assert chat.choices[0].message.content == "aaaa"
            assert chat.usage is not None
            assert chat.usage.total_tokens == 7
            text = await client.completions.create(model="tiny", prompt="hello")
            assert text.choices[0].text == "aaaa"
            assert [model.id async for model in client.models.list()] == ["tiny"]
            assert (await client.models.retrieve("tiny")).id == "tiny"

    asyncio.run(scenario())


def test_client_gets_streams_with_and_without_usage() -> None:
    """The usage chunk is the last one, and only for who asked."""

    async def scenario() -> None:
        async with served() as (_, client):
            stream = await client.chat.completions.create(model="tiny", messages=HELLO, stream=True)
            chunks = [chunk async for chunk in stream]
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "aaaa"
            assert all(chunk.usage is None for chunk in chunks)
            stream = await client.chat.completions.create(
                model="tiny", messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
            chunks = [chunk async for chunk in stream]
            assert chunks[-1].usage is not None
            assert chunks[-1].usage.completion_tokens == 4

    asyncio.run(scenario())


def test_tools_reach_the_loader_as_sent() -> None:
    """The loader's template reads them."""

    async def scenario() -> None:
        async with served() as (one, client):
            await client.chat.completions.create(model="tiny", messages=HELLO, tools=TOOLS)
            assert one.stubs["a"].requests[-1]["tools"] == TOOLS

    asyncio.run(scenario())


def test_errors_become_the_clients_exceptions() -> None:
    """So that its users' handlers and retries work."""

    async def scenario() -> None:
        models = [model_config(), model_config("other")]
        async with served(models=models, queue_limit=0) as (one, client):
            create = client.chat.completions.create
            with pytest.raises(openai.NotFoundError) as missing:
                await create(model="gpt-4", messages=HELLO)
            assert missing.value.code == "model_not_found"
            with pytest.raises(openai.BadRequestError):
                await create(model="tiny", messages=HELLO, max_tokens=-1)
            with pytest.raises(openai.InternalServerError):
                await create(model="other", messages=HELLO)
            with pytest.raises(openai.AuthenticationError):
                await client.with_options(api_key="sk-wrong").models.list()
            one.server.node.gates["tiny"].config = model_config(concurrency=1)
            slow = asyncio.create_task(create(model="tiny", messages=[{"role": "user", "content": "SLOW"}]))
            await until(lambda: one.loader().in_flight == 1, "one runs")
            with pytest.raises(openai.RateLimitError):
                await create(model="tiny", messages=HELLO)
            await slow

    asyncio.run(scenario())


def test_stream_that_breaks_raises_in_the_client() -> None:
    """It is never mistaken for a complete one."""

    async def scenario() -> None:
        async with served() as (_, client):
            broken: Any = [{"role": "user", "content": "CUT"}]
            stream = await client.chat.completions.create(model="tiny", messages=broken, stream=True)
            with pytest.raises(openai.APIError):
                async for _ in stream:
                    pass

    asyncio.run(scenario())
