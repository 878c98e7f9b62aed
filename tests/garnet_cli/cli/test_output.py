"""Data and progress on their streams, for terminals, pipes and GitHub Actions."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from garnet_cli.cli.output import Output, aligned, append_bounded, markdown_table, reader_gone
from garnet_cli.cli.progress import LineProgress, TerminalProgress, duration


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def made(
    *, terminal: bool = False, as_json: bool = False, **environment: str
) -> tuple[Output, io.StringIO, io.StringIO]:
    """Return an output and its two streams."""
    stdout, stderr = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
    return Output(stdout=stdout, stderr=stderr, environment=environment, as_json=as_json), stdout, stderr


@dataclass(frozen=True)
class Row:
    """Something reported."""

    node: str
    path: Path


def test_json_is_one_document_and_nothing_else() -> None:
    """Dataclasses become objects; what people would read is not written."""
    output, stdout, stderr = made(as_json=True)
    output.report(
        {"rows": [Row("mini-1", Path("/a"))], "names": {"b", "a"}}, lambda out: out.line("for people")
    )
    assert json.loads(stdout.getvalue()) == {
        "rows": [{"node": "mini-1", "path": "/a"}],
        "names": ["a", "b"],
    }
    assert stderr.getvalue() == ""


def test_table_in_a_pipe_is_aligned_text() -> None:
    """No lines, no colour; ``None`` shows, wide characters count double."""
    output, stdout, _ = made()
    output.table(("node", "model"), [("mini-1", None), ("日本", "x")])
    assert stdout.getvalue() == "node    model\nmini-1  -\n日本    x\n"


def test_table_on_a_terminal_shows_every_cell_and_obeys_no_color() -> None:
    """The drawn table has the data; markup in it is data."""
    output, stdout, _ = made(terminal=True, TERM="xterm", NO_COLOR="1")
    output.table(("node",), [("[red]mini-1[/red]",)])
    assert "[red]mini-1[/red]" in stdout.getvalue()
    assert "\x1b[3" not in stdout.getvalue()


def test_dumb_terminal_gets_plain_text() -> None:
    """TERM=dumb is no terminal to draw on."""
    output, stdout, _ = made(terminal=True, TERM="dumb")
    output.table(("a",), [("b",)])
    assert stdout.getvalue() == "a\nb\n"


def test_control_characters_of_a_node_do_not_reach_the_terminal() -> None:
    """A hostile or broken node cannot move the cursor."""
    output, stdout, stderr = made()
    output.table(("a",), [("\x1b[2Jx",)])
    output.error("bad \x1b]0;title\x07")
    assert "\x1b" not in stdout.getvalue() + stderr.getvalue()


def test_errors_are_annotations_only_on_github() -> None:
    """The annotation is one line, with line breaks escaped, on stderr."""
    output, stdout, stderr = made(GITHUB_ACTIONS="true")
    output.error("one\ntwo 100%")
    assert stderr.getvalue().splitlines()[-1] == "::error title=garnet::one%0Atwo 100%25"
    assert stdout.getvalue() == ""
    output, _, stderr = made()
    output.error("one")
    assert stderr.getvalue() == "one\n"


def test_summary_is_appended_where_github_wants_it(tmp_path: Path) -> None:
    """Steps before ours keep their part."""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    output, _, _ = made(GITHUB_STEP_SUMMARY=str(path))
    output.summary("### after")
    assert path.read_text() == "before\n### after\n"
    made()[0].summary("nowhere")


def test_summary_never_grows_past_the_limit(tmp_path: Path) -> None:
    """GitHub drops a summary that is too large: ours is cut at a whole character and says so."""
    path = tmp_path / "summary.md"
    append_bounded(path, "é" * 200, limit=150)
    assert len(path.read_bytes()) <= 150
    assert "é…cut" not in path.read_text().replace("\n", "")[:1]
    assert path.read_text().endswith("at most 1 MiB a step.\n")
    append_bounded(path, "more", limit=150)
    assert len(path.read_bytes()) <= 150


def test_summary_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """A missing folder does not fail a deploy that went well."""
    output, _, stderr = made(GITHUB_STEP_SUMMARY=str(tmp_path / "none" / "summary.md"))
    output.summary("x")
    assert "warning: no step summary" in stderr.getvalue()


def test_reader_that_has_gone_is_seen_on_the_stream_itself() -> None:
    """A broken pipe to a node is none of our streams'."""
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        assert not reader_gone(stream)
        os.close(read)
        assert reader_gone(stream)
    assert not reader_gone(io.StringIO())


def test_progress_in_a_pipe_is_one_line_a_change() -> None:
    """A repeated step is written once."""
    output, _, stderr = made()
    with output.progress() as progress:
        assert isinstance(progress, LineProgress)
        for _ in range(3):
            progress.step("mini-1", "building")
        progress.failed("mini-1", "no disk")
        progress.done("mini-2")
    lines = [line.split("] ")[1] for line in stderr.getvalue().splitlines()]
    assert lines == ["mini-1: building", "mini-1: failed: no disk", "mini-2: done"]


def test_progress_on_a_terminal_shows_the_last_state_of_each_node() -> None:
    """One line a node remains."""
    output, stdout, stderr = made(terminal=True, TERM="xterm", NO_COLOR="1")
    with output.progress() as progress:
        assert isinstance(progress, TerminalProgress)
        progress.step("mini-1", "building")
        progress.done("mini-1", "up")
    assert "✓ mini-1 up" in stderr.getvalue()
    assert stdout.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.44, "0.4 s"), (9.96, "10.0 s"), (59.4, "59 s"), (59.6, "60 s"), (185, "3 min 05 s")],
)
def test_duration(seconds: float, shown: str) -> None:
    """Durations read at a glance."""
    assert duration(seconds) == shown


def test_markdown_table_escapes_what_would_break_it() -> None:
    """A bar or a line break stays in its cell."""
    assert markdown_table(("a", "b"), [("x|y", "1\n2")]) == "| a | b |\n|---|---|\n| x\\|y | 1 2 |\n"


def test_aligned_without_rows_is_the_header() -> None:
    """An empty fleet of answers is still a table."""
    assert aligned(("a", "b"), []) == "a  b\n"
