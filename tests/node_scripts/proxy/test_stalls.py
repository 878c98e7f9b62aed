"""Silent answers: which are ended alone, and when the loader hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from node_scripts.proxy.call import Call
from node_scripts.proxy.request_note import RequestNote
from node_scripts.proxy.stalls import Stalls, find_stalls
from node_scripts.proxy.validation import Limits, parse
from node_scripts.proxy.wire import Connection

NOW = 10_000.0


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return a loop that never runs."""
    found = asyncio.new_event_loop()
    yield found
    found.close()


def answer(
    loop: asyncio.AbstractEventLoop, silent_s: float, *, answered: bool = True, token: bool = True
) -> tuple[Call, Connection]:
    """Make a call and its answer, silent for so long."""
    body = b'{"model": "tiny", "prompt": "x", "max_tokens": 8}'
    parsed = parse("text", body, Limits(max_tokens=100, context=4096, vocabulary_size=None))
    note = RequestNote()
    note.first_token_at = 0.0 if token else None
    call = Call(
        parsed,
        "/v1/completions",
        request_id="r",
        forwarded=False,
        suspect=False,
        arrived=0.0,
        queue_timeout_s=30.0,
        note=note,
    )
    connection = Connection(loop)
    connection.answered, connection.last_byte = answered, NOW - silent_s
    return call, connection


def judge(*answers: tuple[Call, Connection], heard_s: float, exempt: bool = False) -> Stalls:
    """Judge answers of a loader from which the last byte came ``heard_s`` ago."""
    return find_stalls(
        dict(answers),
        now=NOW,
        heard=NOW - heard_s,
        first_byte_timeout_s=120.0,
        stall_timeout_s=60.0,
        exempt=exempt,
    )


def test_loader_hangs_when_an_answer_is_overdue_and_nothing_comes(loop: asyncio.AbstractEventLoop) -> None:
    """One that is silent beside a lively one is ended alone; one that starts never hangs."""
    silent = answer(loop, 61.0)
    assert judge(silent, heard_s=61.0) == Stalls(dict([silent]), hung=True)
    assert judge(silent, heard_s=0.1) == Stalls(dict([silent]), hung=False)
    assert judge(silent, heard_s=61.0, exempt=True) == Stalls(dict([silent]), hung=False)
    assert judge(answer(loop, 59.0), heard_s=59.0) == Stalls({}, hung=False)
    assert judge(heard_s=1000.0) == Stalls({}, hung=False)


def test_answer_without_a_byte_may_be_silent_for_longer(loop: asyncio.AbstractEventLoop) -> None:
    """Its prompt may be long."""
    assert not judge(answer(loop, 119.0, answered=False, token=False), heard_s=500.0).overdue
    assert judge(answer(loop, 121.0, answered=False, token=False), heard_s=500.0).hung


def test_answer_that_waits_for_its_turn_is_overdue_after_the_last_byte_of_others(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """However long they took, but not for ever."""
    waiting = answer(loop, 600.0, answered=False, token=False)
    assert not judge(waiting, heard_s=100.0).overdue
    assert judge(waiting, heard_s=121.0).hung
    stuck = answer(loop, 900.0, answered=False, token=False)
    assert judge(stuck, heard_s=1.0) == Stalls(dict([stuck]), hung=False)


def test_answers_that_keep_coming_do_not_hide_that_the_loader_hangs(loop: asyncio.AbstractEventLoop) -> None:
    """They say nothing before their first byte; and they are not overdue."""
    silent, fresh = answer(loop, 61.0), answer(loop, 0.0, answered=False, token=False)
    assert judge(silent, fresh, heard_s=61.0) == Stalls(dict([silent]), hung=True)


@pytest.mark.parametrize("why", ["paused", "complete", "failed"])
def test_answer_that_nobody_reads_says_nothing(loop: asyncio.AbstractEventLoop, why: str) -> None:
    """Its client is behind, or it has ended."""
    call, connection = answer(loop, 500.0)
    connection.paused = why == "paused"
    connection.complete = why == "complete"
    connection.error = ValueError() if why == "failed" else None
    assert judge((call, connection), heard_s=500.0) == Stalls({}, hung=False)
