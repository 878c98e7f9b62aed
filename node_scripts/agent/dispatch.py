"""The loop: one step at a time, while a thread reads what comes next."""

from __future__ import annotations

import inspect
import json
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError, describe
from node_scripts.agent.payload import Payload
from node_scripts.agent.wire import ChannelEndedError, Incoming, Outgoing

Step = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    identity: int
    step: str
    arguments: dict[str, Any]
    payload: Payload


def serve(
    context: Context,
    steps: Mapping[str, Step],
    incoming: Incoming,
    outgoing: Outgoing,
    ended: Callable[[str], None],
) -> None:
    """Answer asks until the channel ends.

    ``ended`` is called with the reason, from whichever thread notices first, in the middle of a step
    if need be; the real agent ends its process there. Where ``ended`` returns, so does this function,
    after the step in hand.
    """
    inbox: queue.Queue[_Asked | None] = queue.Queue()

    def read() -> None:
        try:
            while True:
                _read_ask(incoming, outgoing, inbox)
        except ChannelEndedError as error:
            ended(str(error))
        inbox.put(None)

    reader = threading.Thread(target=read, name="read asks", daemon=True)
    reader.start()
    while (asked := inbox.get()) is not None:
        try:
            _answer(context, steps, outgoing, asked)
        except ChannelEndedError as error:
            ended(str(error))
            break
    reader.join()


def _read_ask(incoming: Incoming, outgoing: Outgoing, inbox: queue.Queue[_Asked | None]) -> None:
    line = incoming.line()
    try:
        ask = json.loads(line)
        payload = Payload(int(ask.get("payload_bytes", 0)))
        asked = _Asked(int(ask["id"]), str(ask["do"]), dict(ask.get("args", {})), payload)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChannelEndedError(f"not an ask: {line[:80]!r}") from error
    if asked.step == "ping":
        # Answered while a step runs: the operator tells a slow step from a lost agent by it.
        outgoing.reply(asked.identity, "ok", {})
        return
    inbox.put(asked)
    payload.receive(incoming)


def _answer(context: Context, steps: Mapping[str, Step], outgoing: Outgoing, asked: _Asked) -> None:
    context.payload = asked.payload
    context.send_progress = lambda value: outgoing.reply(asked.identity, "progress", value)
    try:
        value = _run(context, steps, asked)
    except ChannelEndedError:
        raise
    except Exception as error:  # noqa: BLE001 -- every failure travels to the operator
        outgoing.reply(asked.identity, "error", describe(error))
    else:
        outgoing.reply(asked.identity, "ok", value)
    finally:
        asked.payload.refuse()


def _run(context: Context, steps: Mapping[str, Step], asked: _Asked) -> Any:
    step = steps.get(asked.step)
    if step is None:
        raise StepError("unknown_step", f"this agent has no step {asked.step!r}")
    try:
        inspect.signature(step).bind(context, **asked.arguments)
    except TypeError as error:
        raise StepError("bad_arguments", f"{asked.step}: {error}") from error
    return step(context, **asked.arguments)
