"""Show what each node is doing: in place on a terminal, one line a change anywhere else."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from rich.table import Table


class Progress(Protocol):
    """Told of every node's steps, from any thread."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the last state and end."""

    def step(self, node: str, message: str) -> None:
        """Say what ``node`` does now; a repeated message shows once."""

    def done(self, node: str, message: str = "done") -> None:
        """Say that ``node`` has finished."""

    def failed(self, node: str, message: str) -> None:
        """Say that ``node`` has given up."""


def duration(seconds: float) -> str:
    """Return a duration for people: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 10:  # noqa: PLR2004 -- below it a tenth matters
        return f"{seconds:.1f} s"
    if seconds < 60:  # noqa: PLR2004 -- a minute
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


class LineProgress:
    """One line a change on a stream that is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``; times count from here."""
        self.stream = stream
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.last: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Begin; nothing is shown yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; every line is written already."""

    def step(self, node: str, message: str) -> None:
        """Write the step if it is new."""
        self._write(node, message)

    def done(self, node: str, message: str = "done") -> None:
        """Write the end."""
        self._write(node, message)

    def failed(self, node: str, message: str) -> None:
        """Write the failure."""
        self._write(node, f"failed: {message}")

    def _write(self, node: str, message: str) -> None:
        with self.lock:
            if self.last.get(node) != message:
                self.last[node] = message
                self.stream.write(f"[{time.monotonic() - self.began:6.1f} s] {node}: {message}\n")
                self.stream.flush()


class TerminalProgress:
    """One line a node on a terminal, updated in place."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        """Draw on ``stream`` once entered."""
        from rich.console import Console  # noqa: PLC0415 -- 40 ms that only terminals pay
        from rich.live import Live  # noqa: PLC0415 -- likewise

        self.lock = threading.Lock()
        self.rows: dict[str, tuple[str, str, float, float | None]] = {}
        """Node: mark, message, began, ended."""
        self.live = Live(
            console=Console(file=stream, no_color=not colour, highlight=False),
            get_renderable=self._table,
            refresh_per_second=5,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw the last state and give the terminal back."""
        self.live.stop()

    def step(self, node: str, message: str) -> None:
        """Show the step with the time it takes."""
        with self.lock:
            _, before, _, ended = self.rows.get(node, ("", "", 0.0, None))
            if message != before or ended is not None:
                self.rows[node] = ("…", message, time.monotonic(), None)

    def done(self, node: str, message: str = "done") -> None:
        """Show the end."""
        self._end(node, "✓", message)

    def failed(self, node: str, message: str) -> None:
        """Show the failure."""
        self._end(node, "✗", message)

    def _end(self, node: str, mark: str, message: str) -> None:
        with self.lock:
            now = time.monotonic()
            began = self.rows.get(node, ("", "", now, None))[2]
            self.rows[node] = (mark, message, began, now)

    def _table(self) -> Table:
        from rich.table import Table  # noqa: PLC0415 -- 40 ms that only terminals pay
        from rich.text import Text  # noqa: PLC0415 -- likewise

        table = Table.grid(padding=(0, 1))
        with self.lock:
            rows = list(self.rows.items())
        for node, (mark, message, began, ended) in rows:
            style = {"✓": "green", "✗": "red"}.get(mark, "")
            spent = duration((ended or time.monotonic()) - began)
            table.add_row(Text(mark, style=style), Text(node), Text(message), Text(spent, style="dim"))
        return table
