"""docs/cli.md is the commands' own help, and every command has some."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from garnet_cli.cli import commands, main
from tests.conftest import ROOT


def generated(**environment: str) -> str:
    """Return what the generator prints, in an environment of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "garnet_cli.cli.reference"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "PYTHONUTF8": "1", **environment},
        timeout=60,
    )
    return ended.stdout


def test_page_is_current_wherever_it_is_made() -> None:
    """Neither the terminal's width nor GitHub Actions nor forced colour changes it."""
    page = (ROOT / "docs" / "cli.md").read_text()
    assert generated() == page, "run: make reference"
    assert generated(COLUMNS="40", GITHUB_ACTIONS="true", FORCE_COLOR="1", GARNET_INVENTORY="x.toml") == page


def test_every_command_file_with_a_command_is_in_the_table() -> None:
    """No verb is forgotten, and none is left that has no file."""
    folder = ROOT / "garnet_cli" / "cli"
    verbs = {
        path.stem
        for path in folder.glob("*.py")
        if path.stem != "main"
        and re.search(rf"^(def {path.stem}\(|app = typer)", path.read_text(), re.MULTILINE)
    }
    assert verbs == set(commands.COMMANDS)


@pytest.mark.parametrize("verb", commands.COMMANDS)
def test_every_command_and_each_of_its_options_is_documented(verb: str) -> None:
    """A help text, and one for each option and argument."""
    command: Any = commands.load_command(verb)
    for each in [command, *getattr(command, "commands", {}).values()]:
        assert each.help, each.name
        assert [param.name for param in each.params if not param.help] == []


@pytest.mark.parametrize("verb", commands.COMMANDS)
def test_help_of_every_command_works_without_an_inventory(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help needs no file."""
    monkeypatch.chdir(tmp_path)
    group: Any = typer.main.get_command(main.app)
    with pytest.raises(typer.Exit), group.make_context("garnet", [verb, "--help"]) as context:
        group.invoke(context)
    assert capsys.readouterr().out.startswith(f"Usage: garnet {verb} ")
