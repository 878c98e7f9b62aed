"""The protocol between channel and agent, both real, over pipes."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.errors import LeaseHeldError, NodeError, UnreachableError
from garnet_cli.fleet.channel import AgentChannel, close_open_channels
from node_scripts.agent.context import Context
from node_scripts.agent.dispatch import Step
from node_scripts.agent.errors import StepError
from node_scripts.agent.steps import STEPS
from tests.node_scripts.agent.local_agent import LocalAgent


@contextlib.contextmanager
def channel_to(agent: LocalAgent, ping_every_s: float = 5.0) -> Iterator[AgentChannel]:
    """Yield a channel to the agent."""
    channel = AgentChannel("mini-1", agent, b"", ping_every_s=ping_every_s)
    try:
        yield channel
    finally:
        channel.close()


def count(context: Context, *, to: int) -> int:
    """Report each number."""
    for number in range(to):
        context.progress(number)
    return to


def fail(_context: Context) -> None:
    """Meet a bug."""
    raise RuntimeError("first line\nsecond line")


def refuse(_context: Context) -> None:
    """Fail without reading the payload."""
    raise StepError("disk_full", "no space is left on the disk", remedy="free space on the node")


def slow(_context: Context, *, seconds: float) -> None:
    """Take a while without a word."""
    time.sleep(seconds)


def digest(context: Context) -> str:
    """Hash the payload."""
    hashed = hashlib.sha256()
    for chunk in context.payload.chunks():
        hashed.update(chunk)
    return hashed.hexdigest()


TEST_STEPS: dict[str, Step] = {
    **STEPS,
    "count": count,
    "fail": fail,
    "refuse": refuse,
    "slow": slow,
    "digest": digest,
}


def test_progress_comes_in_order_and_before_the_value(tmp_path: Path) -> None:
    """In the asking thread."""
    seen: list[int] = []
    with channel_to(LocalAgent(tmp_path, TEST_STEPS)) as channel:
        assert channel.ask("count", {"to": 100}, progress=seen.append) == 100
    assert seen == list(range(100))


def test_a_bug_of_the_agent_is_one_line_with_its_traceback_beside(tmp_path: Path) -> None:
    """Code ``internal``; the channel goes on."""
    with channel_to(LocalAgent(tmp_path, TEST_STEPS)) as channel:
        with pytest.raises(NodeError) as caught:
            channel.ask("fail", {})
        assert str(caught.value) == "mini-1: RuntimeError: first line"
        assert caught.value.code == "internal"
        assert "second line" in caught.value.__notes__[0]
        assert channel.ask("count", {"to": 1}) == 1


@pytest.mark.parametrize(
    ("step", "arguments"), [("nope", {}), ("count", {}), ("count", {"to": 1, "more": 2})]
)
def test_what_the_agent_does_not_know_is_an_error(
    tmp_path: Path, step: str, arguments: dict[str, Any]
) -> None:
    """An unknown step, a missing argument, one too many."""
    with channel_to(LocalAgent(tmp_path, TEST_STEPS)) as channel, pytest.raises(NodeError) as caught:
        channel.ask(step, arguments)
    assert caught.value.code in ("unknown_step", "bad_arguments")


def test_a_streamed_payload_arrives_whole(tmp_path: Path) -> None:
    """Larger than every buffer on the way."""
    parts = [bytes([number]) * 700_001 for number in range(12)]
    whole = b"".join(parts)
    with channel_to(LocalAgent(tmp_path, TEST_STEPS)) as channel:
        value = channel.ask("digest", {}, payload=iter(parts), payload_bytes=len(whole))
        assert value == hashlib.sha256(whole).hexdigest()
        assert channel.ask("digest", {}) == hashlib.sha256(b"").hexdigest()


def test_a_small_refused_payload_leaves_the_channel_usable(tmp_path: Path) -> None:
    """What is left of it runs into nothing."""
    with channel_to(LocalAgent(tmp_path, TEST_STEPS)) as channel:
        for _ in range(3):
            with pytest.raises(NodeError, match="no space is left on the disk; free space"):
                channel.ask("refuse", {}, payload=b"x" * 5_000_000)
        assert channel.ask("count", {"to": 1}) == 1


def test_a_large_refused_payload_is_not_sent_to_its_end(tmp_path: Path) -> None:
    """Sixteen gigabytes are not pushed to a full disk: the error comes at once."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1_000_000
            yield bytes(1_000_000)

    with channel_to(LocalAgent(tmp_path, TEST_STEPS)) as channel:
        with pytest.raises(NodeError, match="no space"):
            channel.ask("refuse", {}, payload=endless(), payload_bytes=10**12)
        assert sent < 10**9
        with pytest.raises(UnreachableError):
            channel.ask("count", {"to": 1})


@pytest.mark.parametrize("parts", [[b"abc"], [b"abc", b"defg"]])
def test_a_payload_of_another_length_is_the_callers_mistake(tmp_path: Path, parts: list[bytes]) -> None:
    """Too short or too long: the channel is given up, since nothing can follow."""
    with channel_to(LocalAgent(tmp_path, TEST_STEPS)) as channel, pytest.raises(ValueError, match="payload"):
        channel.ask("digest", {}, payload=iter(parts), payload_bytes=5)


def test_pings_keep_a_silent_channel_alive(tmp_path: Path) -> None:
    """While nothing is asked, and while a step takes long; without them the agent ends."""
    kept = LocalAgent(tmp_path, TEST_STEPS, silence_s=0.5)
    with channel_to(kept, ping_every_s=0.1) as channel:
        channel.ask("slow", {"seconds": 1.0})
        assert channel.ask("count", {"to": 1}) == 1
    lost = LocalAgent(tmp_path, TEST_STEPS, silence_s=0.3)
    with channel_to(lost, ping_every_s=60) as channel:
        channel.ask("count", {"to": 1})
        deadline = time.monotonic() + 10
        while not lost.reasons and time.monotonic() < deadline:
            time.sleep(0.02)
        with pytest.raises(UnreachableError):
            channel.ask("count", {"to": 1})
    assert lost.reasons == ["nothing was heard for 0 s"]


def test_a_lease_goes_with_its_channel(tmp_path: Path) -> None:
    """The second operator reads who holds it; it is free as soon as the first has closed."""
    with channel_to(LocalAgent(tmp_path)) as second:
        with channel_to(LocalAgent(tmp_path)) as first:
            first.ask("take_lease", {"who": "ada@desk", "purpose": "garnet up"})
            first.ask("take_lease", {"who": "ada@desk", "purpose": "garnet swap"})
            with pytest.raises(LeaseHeldError, match=r"ada@desk is changing this node \(garnet swap\)"):
                second.ask("take_lease", {"who": "bob@desk", "purpose": "garnet up"})
        second.ask("take_lease", {"who": "bob@desk", "purpose": "garnet up"})


def test_closing_all_channels_ends_a_step_in_hand(tmp_path: Path) -> None:
    """What Ctrl-C does."""
    with channel_to(LocalAgent(tmp_path, TEST_STEPS)) as channel:
        channel.ask("count", {"to": 1})
        close_open_channels()
        with pytest.raises(UnreachableError, match="closed"):
            channel.ask("count", {"to": 1})


class Script:
    """A stream that says what it is told to, then ends."""

    def __init__(self, said: bytes) -> None:
        """Say ``said``."""
        self._parts = [said, b""]

    def send(self, data: bytes) -> None:
        """Take anything."""

    def receive(self) -> bytes:
        """Return the next part."""
        return self._parts.pop(0) if len(self._parts) > 1 else b""

    def end(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def diagnosis(self) -> str:
        """Return what standard error would say."""
        return "exit status 127"


def test_a_launchers_error_is_the_nodes(tmp_path: Path) -> None:
    """Before any agent runs."""
    line = (
        b'{"id":0,"kind":"error","value":{"code":"no_python","message":"no Python","remedy":"install one"}}\n'
    )
    channel = AgentChannel("mini-1", Script(b"welcome!\n" + line), b"")
    with pytest.raises(NodeError) as caught:
        channel.ask("facts", {})
    assert str(caught.value) == "mini-1: no Python; install one"
    channel.close()


def test_a_shell_that_only_talks_is_quoted(tmp_path: Path) -> None:
    """A login shell that refuses to run commands says so somewhere."""
    channel = AgentChannel("mini-1", Script(b"This account is not available.\n"), b"")
    with pytest.raises(UnreachableError, match=r"This account is not available\. / exit status 127"):
        channel.ask("facts", {})
    channel.close()
