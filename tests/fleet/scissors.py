"""Cut a command's channel at a chosen step: what a lost network or a killed agent does to an operator."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import psutil
import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from garnet_cli.fleet import connect
from garnet_cli.fleet.node import NodeHandle
from tests.fleet.rack import Rack, RackNode, eventually

UNREACHABLE = 4
MOST_RUNS = 120

When = Literal["after", "during"]
"""after: the step is done and the operator knows. during: cut while the step runs, done or not."""


class Scissors:
    """Cuts each distinct step of a command once: every run of it gets one step further."""

    def __init__(self, cut: Callable[[], None], when: When) -> None:
        """``cut`` breaks the channel of the command that runs."""
        self._cut = cut
        self._when = when
        self.steps: list[str] = []
        """The steps that were cut, in order."""
        self._counts: Counter[str] = Counter()
        self._last = ""
        self._done = False

    def begin(self) -> None:
        """Begin with another run of the command."""
        self._counts.clear()
        self._last = ""
        self._done = False

    @property
    def idle(self) -> bool:
        """Whether the last run passed without a step that was new."""
        return not self._done

    def around(self, step: str, arguments: dict[str, Any], ask: Callable[[], Any]) -> Any:
        """Run one step, and cut the channel if it is the first new one of this run."""
        name = name_of(step, arguments)
        if name != self._last:
            self._last = name
            self._counts[name] += 1
        place = f"{name} #{self._counts[name]}"
        if self._done or place in self.steps:
            return ask()
        self._done = True
        self.steps.append(place)
        if self._when == "after":
            value = ask()
            self._cut()
            return value
        cutting = threading.Thread(target=self._cut)
        cutting.start()
        try:
            return ask()
        finally:
            cutting.join()


def name_of(step: str, arguments: dict[str, Any]) -> str:
    """Tell steps of one kind apart by what they do."""
    if step == "control":
        slot = arguments.get("body") or {}
        filled = [place for place in ("active", "next", "previous") if slot.get(place)]
        return " ".join([arguments["method"], arguments["path"], *filled])
    if step == "write_file":
        content = arguments["content"]
        state = content.split('"step":"')[1].split('"')[0] if '"step":"' in content else ""
        return f"write {arguments['path']} {state}"
    return f"{step} {arguments.get('path', '')}"


def run_in_process(rack: Rack, scissors: Scissors, *arguments: str) -> tuple[int, str]:
    """Run the command line in this process with its channels under the scissors; return code and output."""

    class CutHandle(NodeHandle):
        def ask(self, step: str, **rest: Any) -> Any:
            return scissors.around(step, rest, lambda: NodeHandle.ask(self, step, **rest))

    said = io.StringIO()
    scissors.begin()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connect, "NodeHandle", CutHandle)
        code = run(["-i", str(rack.inventory), *arguments], Output(stdout=said, stderr=said, environment={}))
    return code, said.getvalue()


def cut_every_step(rack: Rack, scissors: Scissors, *arguments: str) -> None:
    """Run the command again and again, cut one step further each time, until it has nothing new to cut."""
    for _ in range(MOST_RUNS):
        code, said = run_in_process(rack, scissors, *arguments)
        assert "undoing" not in said, f"cut {scissors.steps[-1]}:\n{said}\n{rack.logs()}"
        if scissors.idle:
            assert code == 0, said
            return
        assert code in {0, UNREACHABLE}, f"cut {scissors.steps[-1]}: exit {code}\n{said}\n{rack.logs()}"
    raise AssertionError(f"no end: {scissors.steps}")


def agents_of(node: RackNode) -> list[int]:
    """Return the pids of the agents at work on a node of this machine."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(node.root) in (process.info["cmdline"] or []) and "-S" in process.info["cmdline"]
    ]


def kill_agents(node: RackNode) -> None:
    """Kill -9 the agent that works on the node, or is about to."""
    for pid in eventually(lambda: agents_of(node), "an agent is there"):
        os.kill(pid, signal.SIGKILL)
