"""The entry point: options before the command, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from garnet_cli import __version__
from garnet_cli.cli import commands
from garnet_cli.cli.commands import Invocation, LazyGroup
from garnet_cli.cli.output import Output, reader_gone
from garnet_cli.errors import GarnetError

RUN_AGAIN = "nothing was lost: run the same command again"
INTERRUPTED = 130
"""Exit code of a process that Ctrl-C ended, as shells have it."""

READER_GONE = 141
"""Exit code of a process whose reader left, as shells have it (128 + SIGPIPE)."""

app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(value: bool) -> None:  # noqa: FBT001 -- Typer calls it so
    if value:
        sys.stdout.write(f"garnet {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    inventory: Annotated[
        Path, typer.Option("--inventory", "-i", envvar="GARNET_INVENTORY", help="The fleet's inventory.")
    ] = Path("inventory.toml"),
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: FBT002
    _: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Operate a fleet of Mac minis that serve open models behind one OpenAI-compatible endpoint."""
    context.obj = Invocation(inventory=inventory, debug=debug)


def main() -> None:
    """Run `garnet` and end the process with its exit code."""
    # Closed by whoever started this process: what would be written there goes nowhere.
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 -- it lives as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 -- likewise
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    code = run(sys.argv[1:], Output.of_process())
    if code == READER_GONE:
        # What Python still holds for the reader must not make it complain while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: list[str], output: Output) -> int:
    """Run one command line and return its exit code; every error becomes a line on ``output``."""
    arguments, debug = hoist_debug(arguments)
    try:
        group = typer.main.get_command(app)
        with group.make_context("garnet", arguments or ["--help"]) as context:
            group.invoke(context)
        output.stdout.flush()
    except typer.Exit as end:
        return end.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- the boundary: one line, whatever it is
        # A node's channel breaks with the same error as a pipe to `head`; only the latter is quiet.
        if isinstance(error, BrokenPipeError) and reader_gone(output.stdout):
            return READER_GONE
        if debug:
            output.note("".join(traceback.format_exception(error)).rstrip())
        message, code = failure(error, debug=debug)
        output.error(message)
        return code
    return 0


def failure(error: BaseException, *, debug: bool) -> tuple[str, int]:
    """Return the line that the user sees for ``error``, and the exit code."""
    match error:
        case GarnetError():
            return str(error), error.exit_code
        case KeyboardInterrupt():
            return f"interrupted; {error.args[0] if error.args else RUN_AGAIN}", INTERRUPTED
        case OSError(errno=errno.ENOSPC):
            return "no space is left on this machine where it writes to", GarnetError.exit_code
        case typer.Abort() | EOFError():
            return "aborted: the question above has no answer", GarnetError.exit_code
        case typer.TyperException():
            return usage_line(error), error.exit_code
        case _:
            said = ": ".join(filter(None, [type(error).__name__, " ".join(str(error).split())]))
            hint = "" if debug else " (--debug shows the traceback)"
            return f"internal error: {said}{hint}", GarnetError.exit_code


def hoist_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Move ``--debug`` to the front: who is told of it will append it to the failed command."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if "--debug" not in arguments[:end]:
        return arguments, False
    rest = [argument for argument in arguments[:end] if argument != "--debug"]
    return ["--debug", *rest, *arguments[end:]], True


def usage_line(error: typer.TyperException) -> str:
    """Return one line for a command line that Typer refused."""
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "garnet"
    unknown = re.match(r"No such command '(.*?)'", message)
    if unknown and path == "garnet":
        word, known = unknown.group(1), list(commands.COMMANDS)
        close = get_close_matches(word, known, n=1)
        hint = f"did you mean `garnet {close[0]}`?" if close else f"there are {', '.join(known)}"
        return f"no command {word!r}; {hint}"
    message = message.replace(". Did you mean", "; did you mean")
    return f"{message[:1].lower()}{message[1:]}; see `{path} --help`"


if __name__ == "__main__":
    main()
