"""`garnet chat`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from garnet_cli.cli.commands import invocation
from garnet_cli.cli.loading import load
from garnet_cli.errors import UsageError
from garnet_cli.fleet.connect import connected


def chat(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question; - reads standard input.")],
    *,
    model: Annotated[
        str | None, typer.Option(help="The model; the first of the inventory if not given.")
    ] = None,
    node: Annotated[
        str | None, typer.Option(help="Ask this node; the first that answers if not given.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Most tokens of the answer.")] = 256,
    system: Annotated[str | None, typer.Option(help="A system prompt.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write answer and usage as JSON.")] = False,
) -> None:
    """Ask the fleet a question and stream its answer; over SSH, so it needs no client key."""
    call = invocation(context)
    output = call.output(as_json=as_json)
    inventory = load(call.inventory)
    if not inventory.models:
        raise UsageError(
            "the inventory has no model to ask", remedy="add a [models.NAME] and run `garnet up`"
        )
    chosen = inventory.model(model) if model else inventory.models[0]
    text = sys.stdin.read() if question == "-" else question
    if not text.strip():
        raise UsageError("the question is empty")
    messages = [{"role": "system", "content": system}] if system else []
    body = {
        "model": chosen.name,
        "messages": [*messages, {"role": "user", "content": text}],
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    answer: list[str] = []
    usage: dict[str, Any] = {}

    def event(value: Any) -> None:
        if value["data"] == "[DONE]":
            return
        chunk = json.loads(value["data"])
        usage.update(chunk.get("usage") or {})
        for choice in chunk["choices"]:
            piece = choice["delta"].get("content") or ""
            answer.append(piece)
            if not as_json:
                output.stdout.write(piece)
                output.stdout.flush()

    entries = [inventory.node(node)] if node else [inventory.node(name) for name in chosen.nodes]
    with connected(inventory, entries) as connection:
        if not connection.nodes:
            connection.require_all()
        handle = connection.nodes[0]
        handle.ask("chat", progress=event, body=body)
    if as_json:
        output.json({"node": handle.name, "model": chosen.name, "answer": "".join(answer), "usage": usage})
    else:
        output.line()
