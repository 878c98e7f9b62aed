"""The last requests, as a deploy reads them from the control socket."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from node_scripts.proxy.recent import Recent
from node_scripts.proxy.request_note import RequestLine
from node_scripts.records import OPERATOR_KEY
from tests.node_scripts.proxy.rig import client_key, completion, node


def line(number: int) -> RequestLine:
    """Make the record of the request ``number``."""
    return RequestLine(end_unix=float(number), model="tiny", outcome="answered")


@given(count=st.integers(0, 30), after=st.integers(0, 40), kept=st.integers(1, 12))
def test_a_reader_gets_what_came_after_the_number_it_knows_as_far_as_it_is_kept(
    count: int, after: int, kept: int
) -> None:
    """Of 30 requests and a ring of 12, whatever the reader knows already."""
    recent = Recent(kept)
    for number in range(1, count + 1):
        recent.note(line(number))
    found = recent.after(after, 7)
    assert [int(one.end_unix) for one in found.requests] == [
        number for number in range(1, count + 1) if number > after and number > count - kept
    ]
    assert (found.last, found.pid) == (count, 7)


def test_requests_are_told_with_their_figures_and_never_their_content() -> None:
    """A client's, then one over the control socket, which is the operator's."""

    async def scenario() -> tuple[Any, Any]:
        async with node(keys=[client_key()]) as one:
            assert (await one.ask("a canary string")).status == 200
            first = (await one.control("GET", "/control/recent")).json
            assert (await one.control("POST", "/v1/chat/completions", completion())).status == 200
            return first, (await one.control("GET", f"/control/recent?after={first['last']}")).json

    first, rest = asyncio.run(scenario())
    assert first["pid"] == os.getpid()
    assert [each["key"] for each in first["requests"]] == [client_key().name]
    assert [each["key"] for each in rest["requests"]] == [OPERATOR_KEY]
    assert first["requests"][0]["served_by"] == "loader-1"
    assert first["requests"][0]["latency_ms"] > 0
    assert "canary" not in str(first)


def test_a_number_that_is_none_is_refused() -> None:
    """With the word that was sent."""

    async def scenario() -> tuple[int, str]:
        async with node() as one:
            answer = await one.control("GET", "/control/recent?after=-1")
            return answer.status, answer.code

    assert asyncio.run(scenario()) == (400, "invalid_after")
