"""What `garnet top` knows of each node: its proxy's status, its monitor's live file, and since when.

The live file is read leniently: a node may run another release than this machine. A figure that is not
there is unknown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

from garnet_cli.actions.control import proxy_status
from garnet_cli.errors import GarnetError, NodeError
from garnet_cli.fleet.parallel import attempt_each
from node_scripts.contracts import ProxyStatus

LOOK_EVERY_S = 2.0
LONGEST_WAIT_S = 15.0
"""Between two tries to reach a node that is lost."""


class Node(Protocol):
    """The part of a node handle that is used here."""

    name: str

    def ask(self, step: str, *, progress: Callable[[Any], None] | None = None, **arguments: Any) -> Any:
        """Run one step of the agent; raises GarnetError."""

    def close(self) -> None:
        """End the agent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One node as it was last seen. Times are this machine's."""

    node: str
    seen_unix: float | None = None
    """When it last answered; ``None`` if never."""
    error: str | None = None
    """Why it does not answer now; ``None`` while it does."""
    proxy: ProxyStatus | None = None
    """``None``: its proxy is down, or it was never seen."""
    proxy_error: str | None = None
    live: Mapping[str, Any] | None = None
    """The monitor's live file; ``None``: there is none."""
    live_age_s: float | None = None
    """How old the live file is: by both clocks at the first look, from then on by when it last changed."""
    live_error: str | None = None


def look(node: Node, now_unix: float) -> Look:
    """Ask one node; a proxy or a monitor that is down is part of the answer. Raises GarnetError."""
    proxy, proxy_error = None, None
    try:
        proxy = proxy_status(node, patience_s=0)
    except NodeError as error:
        proxy_error = error.message
    except msgspec.ValidationError as error:
        proxy_error = f"its status has another shape: {error}"
    live, live_error = None, None
    try:
        live = node.ask("read_live")
    except NodeError as error:
        live_error = error.message
    seen = live.get("time_unix") if isinstance(live, dict) else None
    return Look(
        node=node.name,
        seen_unix=now_unix,
        proxy=proxy,
        proxy_error=proxy_error,
        live=live if isinstance(live, dict) else None,
        live_age_s=max(0.0, now_unix - seen) if isinstance(seen, int | float) else None,
        live_error=live_error,
    )


def aged(before: Look, seen: Look) -> Look:
    """Return ``seen`` with the age of its live file by this machine's clock alone, if that can be told."""
    if not before.live or not seen.live or before.seen_unix is None or seen.seen_unix is None:
        return seen
    if before.live.get("time_unix") != seen.live.get("time_unix"):
        return replace(seen, live_age_s=0.0)
    if before.live_age_s is None:
        return seen
    return replace(seen, live_age_s=before.live_age_s + max(0.0, seen.seen_unix - before.seen_unix))


def look_once(names: Sequence[str], connect: Callable[[str], Node]) -> list[Look]:
    """Look at every node once, side by side; ``connect`` makes a node's handle, unopened."""
    nodes = [connect(name) for name in names]
    try:
        outcomes = attempt_each(nodes, lambda node: look(node, time.time()))
    finally:
        attempt_each(nodes, lambda node: node.close())
    return [
        Look(node=name, error=found.message) if isinstance(found, GarnetError) else found
        for name, found in outcomes.items()
    ]


class Watch:
    """Looks at every node again and again, each in a thread of its own: a slow one delays no other."""

    def __init__(
        self, names: Sequence[str], connect: Callable[[str], Node], every_s: float = LOOK_EVERY_S
    ) -> None:
        """Begin with nothing seen; ``connect`` makes a fresh handle whenever one broke."""
        self._connect = connect
        self._every_s = every_s
        self._lock = threading.Lock()
        self._looks = {name: Look(node=name) for name in names}
        self._fault: BaseException | None = None
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name,), name=f"look at {name}", daemon=True)
            for name in names
        ]

    def looks(self) -> list[Look]:
        """Return every node as last seen, in the order of the names; raises a fault of the program."""
        with self._lock:
            if self._fault is not None:
                raise self._fault
            return list(self._looks.values())

    def _run(self, name: str) -> None:
        try:
            self._follow(name)
        except BaseException as error:  # noqa: BLE001 -- raised again by looks()
            with self._lock:
                self._fault = error

    def _follow(self, name: str) -> None:
        wait_s = self._every_s
        node: Node | None = None
        while not self._ended.is_set():
            try:
                node = node or self._connect(name)
                self._keep(look(node, time.time()))
                wait_s = self._every_s
            except GarnetError as error:
                with self._lock:
                    self._looks[name] = replace(self._looks[name], error=error.message)
                if node is not None:
                    node.close()
                node = None
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            self._ended.wait(wait_s)
        if node is not None:
            node.close()

    def _keep(self, seen: Look) -> None:
        with self._lock:
            self._looks[seen.node] = aged(self._looks[seen.node], seen)

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self, patience_s: float = 1.0) -> None:
        """End; a node that hangs is not waited for longer than ``patience_s``."""
        self._ended.set()
        deadline = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


@contextmanager
def watching(names: Sequence[str], connect: Callable[[str], Node]) -> Iterator[Watch]:
    """Watch nodes until the block ends."""
    watch = Watch(names, connect)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
