"""What commands show: data on stdout, progress on stderr, and what GitHub Actions reads.

Rich is imported only where a terminal is written to: a pipe gets plain text and costs nothing.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from garnet_cli.cli.drawing import draw, width
from garnet_cli.cli.progress import LineProgress, Progress, TerminalProgress

NOTHING = "-"
"""Shown for ``None`` in a table."""

SUMMARY_BYTES = 1024 * 1024
"""GitHub's limit on one step's summary; it rejects a larger one whole."""

SUMMARY_CUT = "\n\n…cut: GitHub takes at most 1 MiB a step.\n"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
ANNOTATION_CHARACTERS = 4000


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """Where one command writes, and how."""

    stdout: TextIO
    stderr: TextIO
    environment: Mapping[str, str]
    as_json: bool = False

    @classmethod
    def of_process(cls, *, as_json: bool = False) -> Output:
        """Return the output of this process; ``as_json`` is the command's ``--json``."""
        return cls(stdout=sys.stdout, stderr=sys.stderr, environment=os.environ, as_json=as_json)

    def report(self, document: Any, render: Callable[[Output], None]) -> None:
        """Write ``document`` as JSON where ``--json`` was given, else let ``render`` write for people."""
        if self.as_json:
            self.json(document)
        else:
            render(self)

    def json(self, document: Any) -> None:
        """Write one JSON document to stdout; dataclasses become objects, paths and others text."""
        text = json.dumps(document, indent=2, ensure_ascii=False, default=_plain_json)
        _write(self.stdout, f"{text}\n")

    def line(self, text: str = "") -> None:
        """Write one line of data to stdout."""
        _write(self.stdout, f"{text}\n")

    def note(self, text: str) -> None:
        """Write one line for people to stderr."""
        _write(self.stderr, f"{text}\n")

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        title: str = "",
        left_out_first: Sequence[str] = (),
    ) -> None:
        """Write a table to stdout: drawn on a terminal, aligned text in a pipe; ``None`` shows as -.

        Where words would have to be broken, a terminal does without the columns ``left_out_first``, as
        many of them as needed, and says so.
        """
        cells = [[NOTHING if cell is None else clean(str(cell)) for cell in row] for row in rows]
        if self.stdout.isatty() and self.environment.get("TERM") != "dumb":
            colour = "NO_COLOR" not in self.environment
            draw(self.stdout, columns, cells, title, left_out_first, colour=colour)
            return
        _write(self.stdout, aligned(columns, cells, title))

    def progress(self) -> Progress:
        """Return a progress display on stderr: in place on a terminal, a line a change elsewhere."""
        if self.stderr.isatty() and self.environment.get("TERM") != "dumb":
            return TerminalProgress(self.stderr, colour="NO_COLOR" not in self.environment)
        return LineProgress(self.stderr)

    def error(self, message: str) -> None:
        """Write the line(s) that a command fails with to stderr; on GitHub as annotation, too."""
        self.note(clean(message))
        if self.on_github:
            # Workflow commands are read from either stream; stdout belongs to data.
            self.note(f"::error title=garnet::{escaped(message[:ANNOTATION_CHARACTERS])}")

    def warning(self, message: str) -> None:
        """Write a warning to stderr; on GitHub as annotation, too."""
        self.note(f"warning: {clean(message)}")
        if self.on_github:
            self.note(f"::warning title=garnet::{escaped(message[:ANNOTATION_CHARACTERS])}")

    def summary(self, markdown: str) -> None:
        """Append to GitHub's step summary where there is one, never past what GitHub takes."""
        path = self.environment.get("GITHUB_STEP_SUMMARY")
        if not path:
            return
        try:
            append_bounded(Path(path), markdown)
        except OSError as error:
            self.warning(f"no step summary: {error}")

    @property
    def on_github(self) -> bool:
        """Say whether GitHub Actions reads this process's output."""
        return self.environment.get("GITHUB_ACTIONS") == "true"


def reader_gone(stream: TextIO) -> bool:
    """Say whether what reads ``stream`` has closed it, as ``head`` does."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
    except (OSError, ValueError):
        return False  # no file at all: nobody reads it by a pipe


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


def append_bounded(path: Path, markdown: str, limit: int = SUMMARY_BYTES) -> None:
    """Append ``markdown`` to ``path``, cut so that the file stays within ``limit`` bytes."""
    content = markdown.rstrip("\n").encode() + b"\n"
    used = path.stat().st_size if path.exists() else 0
    room = limit - used
    if len(content) > room:
        kept = room - len(SUMMARY_CUT.encode())
        if kept <= 0:
            return
        content = content[:kept].decode(errors="ignore").encode() + SUMMARY_CUT.encode()
    with path.open("ab") as stream:
        stream.write(content)


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table for a step summary."""

    def line(cells: Sequence[object]) -> str:
        shown = (NOTHING if cell is None else clean(str(cell)) for cell in cells)
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in shown) + " |"

    return "\n".join([line(columns), "|" + "---|" * len(columns), *(line(row) for row in rows)]) + "\n"


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    """Return a table as plain text: two spaces between columns, no lines drawn."""
    widths = [max(map(width, column)) for column in zip(columns, *rows, strict=True)]
    lines = [title] if title else []
    for row in (columns, *rows):
        cells = (cell + " " * (room - width(cell)) for cell, room in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def clean(text: str) -> str:
    """Return ``text`` without control characters: a node's answer must not drive the terminal."""
    return CONTROL.sub("?", text)


def escaped(text: str) -> str:
    """Return ``text`` as the message of a GitHub workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _plain_json(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, set | frozenset | tuple):
        return sorted(value, key=str)
    return str(value)
