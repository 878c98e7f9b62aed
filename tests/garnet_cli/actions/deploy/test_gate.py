"""What must be well before a deploy changes a node."""

from __future__ import annotations

from pathlib import Path

import pytest

from garnet_cli.actions.deploy.gate import run_tests
from garnet_cli.actions.deploy.prompts import AIM, WARM_UP, prompt_count
from garnet_cli.errors import GarnetError


def test_the_test_command_runs_in_the_inventorys_folder_and_keeps_stdout_for_data(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What it writes goes to stderr."""
    run_tests("pwd; touch ran", tmp_path)
    said = capfd.readouterr()
    assert (said.out, said.err.strip()) == ("", str(tmp_path.resolve()))
    assert (tmp_path / "ran").exists()


def test_a_failing_test_command_ends_the_deploy(tmp_path: Path) -> None:
    """With its exit code, and what to do."""
    with pytest.raises(GarnetError, match="exit code 3; nothing was changed") as found:
        run_tests("exit 3", tmp_path)
    assert "--skip-tests" in str(found.value.remedy)


def test_prompts_aim_at_what_judges_well() -> None:
    """More than the fewest that are needed, and the round that warms caches."""
    assert prompt_count(60) == AIM + WARM_UP
    assert prompt_count(500) == 500 + WARM_UP
