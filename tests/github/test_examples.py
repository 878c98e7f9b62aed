"""The example workflows name actions, inputs and commands that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml

from garnet_cli.cli.main import app
from tests.conftest import ROOT

EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yml"))
GUIDE = ROOT / "docs" / "github-actions.md"
GARNET = "your-organisation/garnet@"


def steps() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield the file, the inputs of the workflow and each step that runs garnet."""
    for path in EXAMPLES:
        workflow = yaml.safe_load(path.read_text())
        # YAML 1.1 takes the key `on` for true.
        given = (workflow[True].get("workflow_dispatch") or {}).get("inputs", {})
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                if step.get("uses", "").startswith(GARNET):
                    yield path.name, given, step


def commands() -> list[tuple[str, str]]:
    """Return every command with its file; of a choice, each."""
    found = []
    for name, given, step in steps():
        command = step["with"]["command"]
        choice = re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", command)
        found += [(name, each) for each in (given[choice[1]]["options"] if choice else [command])]
    return found


def parse(arguments: list[str]) -> None:
    """Parse a command line to its end and run nothing; raises as the real one would."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("garnet", arguments)
    while rest := [*context._protected_args, *context.args]:
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_is_one(name: str, command: str) -> None:
    """Its options and arguments exist and have values that are allowed."""
    assert "${{" not in command
    parse(shlex.split(command))


@pytest.mark.parametrize(
    "command", ["no-such", "deploy plan --no-such", "deploy --wait soon", "alerts watch x"]
)
def test_a_command_that_is_none_is_found(command: str) -> None:
    """Else the test above would prove nothing."""
    with pytest.raises(typer.TyperException):
        parse(shlex.split(command))


def test_every_input_is_one_of_the_action() -> None:
    """A misspelt input is only a warning on GitHub, and the key would be missing."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert [(name, set(step["with"]) - set(action["inputs"])) for name, _, step in steps()] == [
        (name, set()) for name, _, step in steps()
    ]


def test_a_deploy_is_never_cancelled_by_another() -> None:
    """What changes the fleet shares one group in which nothing in progress is cancelled."""
    changing = {name for name, command in commands() if command.startswith(("deploy", "up", "swap"))}
    assert len(changing) > 2
    for name in changing:
        workflow = yaml.safe_load((ROOT / "docs" / "examples" / name).read_text())
        assert workflow["concurrency"] == {"group": "garnet-fleet", "cancel-in-progress": False}


def test_the_guide_tells_of_every_example_input_and_output() -> None:
    """Nothing is left for the reader to find in YAML."""
    guide = GUIDE.read_text()
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    named = [f"examples/{path.name}" for path in EXAMPLES]
    named += [f"`{name}`" for name in [*action["inputs"], *action["outputs"]]]
    assert [each for each in named if each not in guide] == []
