"""The entry point: every error is one line and its exit code, and help imports nothing heavy."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from garnet_cli.cli import commands
from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output
from garnet_cli.errors import (
    FleetError,
    GarnetError,
    HeldError,
    InventoryError,
    NodeError,
    RolledBackError,
    UnreachableError,
    UsageError,
)

Ran = tuple[int, str]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Return a way to run a command line with one command ``probe`` that does what it is given."""

    def ran(what: Callable[[typer.Context], None], *arguments: str) -> Ran:
        def probe(context: typer.Context, count: int = 1) -> None:
            """Do it."""
            what(context)

        module = types.ModuleType("garnet_cli.cli.probe")
        module.__dict__["probe"] = probe
        probe.__annotations__ = {"context": typer.Context, "count": int, "return": None}
        monkeypatch.setitem(sys.modules, "garnet_cli.cli.probe", module)
        monkeypatch.setattr(commands, "COMMANDS", {"probe": "Do it."})
        stderr = io.StringIO()
        code = run(list(arguments), Output(stdout=io.StringIO(), stderr=stderr, environment={}))
        return code, stderr.getvalue()

    return ran


def raising(error: BaseException) -> Callable[[typer.Context], None]:
    """Return a command that fails."""

    def what(_: typer.Context) -> None:
        raise error

    return what


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (GarnetError("it broke", remedy="mend it"), 1, "it broke; mend it"),
        (UsageError("wrong"), 2, "wrong"),
        (InventoryError(["a:1: x", "a:2: y"]), 2, "a:1: x\na:2: y"),
        (RolledBackError("undone", node="mini-1"), 3, "mini-1: undone"),
        (UnreachableError("no answer", node="mini-1"), 4, "mini-1: no answer"),
        (HeldError("too few requests"), 5, "too few requests"),
        (FleetError([NodeError("x", node="a"), UnreachableError("y", node="b")]), 4, "a: x\nb: y"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was lost: run the same command again"),
        (typer.Abort(), 1, "aborted: the question above has no answer"),
        (
            ZeroDivisionError("by\nzero"),
            1,
            "internal error: ZeroDivisionError: by zero (--debug shows the traceback)",
        ),
        (
            BrokenPipeError(32, "Broken pipe"),
            1,
            "internal error: BrokenPipeError: [Errno 32] Broken pipe (--debug shows the traceback)",
        ),
        (typer.Exit(7), 7, ""),
    ],
)
def test_every_error_is_its_line_and_exit_code(
    command: Callable[..., Ran], error: BaseException, code: int, line: str
) -> None:
    """Nothing but the line is shown."""
    assert command(raising(error), "probe") == (code, line + "\n" if line else "")


def test_every_class_of_the_tree_is_a_garnet_error() -> None:
    """So that the boundary knows each of them."""
    from garnet_cli import errors  # noqa: PLC0415 -- looked through as a module

    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert len(classes) > 8
    assert all(issubclass(value, GarnetError) for value in classes)


@pytest.mark.parametrize("arguments", [("--debug", "probe"), ("probe", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(
    command: Callable[..., Ran], arguments: tuple[str, ...]
) -> None:
    """Who is told of --debug appends it."""
    code, shown = command(raising(ZeroDivisionError("zero")), *arguments)
    assert code == 1
    assert "Traceback" in shown
    assert shown.endswith("internal error: ZeroDivisionError: zero\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("prob",), "no command 'prob'; did you mean `garnet probe`?"),
        (("-i", "x", "zzz"), "no command 'zzz'; there are probe"),
        (("--nope",), "no such option: --nope; see `garnet --help`"),
        (("probe", "--coun", "2"), "no such option: --coun"),
        (("probe", "--count", "x"), "invalid value for '--count'"),
        (("probe", "extra"), "got unexpected extra argument"),
    ],
)
def test_wrong_command_line_is_one_line_and_exit_code_two(
    command: Callable[..., Ran], arguments: tuple[str, ...], line: str
) -> None:
    """Typer's refusals have our shape."""
    code, shown = command(lambda _: None, *arguments)
    assert code == 2
    assert shown.startswith(line)
    assert shown.count("\n") == 1


def test_inventory_comes_from_option_then_environment_then_default(
    command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """-i wins over GARNET_INVENTORY wins over inventory.toml."""
    seen: list[Path] = []

    def what(context: typer.Context) -> None:
        seen.append(commands.invocation(context).inventory)

    monkeypatch.delenv("GARNET_INVENTORY", raising=False)
    command(what, "probe")
    monkeypatch.setenv("GARNET_INVENTORY", "env.toml")
    command(what, "probe")
    command(what, "-i", "option.toml", "probe")
    assert seen == [Path("inventory.toml"), Path("env.toml"), Path("option.toml")]


def garnet(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real program."""
    command = [sys.executable, "-m", "garnet_cli.cli.main", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=60
    )


def test_help_is_the_same_where_colour_is_forced() -> None:
    """GitHub Actions and FORCE_COLOR change nothing."""
    plain = garnet("--help")
    assert plain.returncode == 0
    assert plain.stdout == garnet("--help", GITHUB_ACTIONS="true", FORCE_COLOR="1").stdout
    assert "\x1b" not in plain.stdout
    assert garnet().stdout == plain.stdout


def test_help_imports_nothing_heavy() -> None:
    """`garnet --help` answers in Python's own time and a little."""
    code = (
        "import sys; from garnet_cli.cli.main import run; from garnet_cli.cli.output import Output;"
        "run(['--help'], Output.of_process());"
        "heavy = {'rich', 'paramiko', 'fabric', 'cryptography', 'msgspec', 'tomllib', 'asyncio'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_reader_that_leaves_ends_quietly() -> None:
    """`garnet --help | head -0` writes no traceback."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "garnet_cli.cli.main", "--help"]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_unknown_command_below_a_command_is_told_there() -> None:
    """`garnet keys lst` is about `keys`, not about `garnet`."""
    stderr = io.StringIO()
    code = run(["keys", "lst"], Output(stdout=io.StringIO(), stderr=stderr, environment={}))
    assert code == 2
    assert stderr.getvalue() == "no such command 'lst'; did you mean 'list'?; see `garnet keys --help`\n"
