"""Options that are seconds."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from garnet_cli.cli.main import run
from garnet_cli.cli.output import Output


@pytest.mark.parametrize(
    "arguments",
    [
        ("swap", "a", "b", "--watch", "-5"),
        ("swap", "a", "b", "--watch", "nan"),
        ("swap", "a", "b", "--drain-timeout", "inf"),
        ("swap", "a", "b", "--ready-timeout", "-1"),
        ("up", "--ready-timeout", "nan"),
    ],
)
def test_what_is_no_number_of_seconds_is_refused_before_anything_is_read(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """A watch of nan would never end, or never begin."""
    stderr = io.StringIO()
    output = Output(stdout=io.StringIO(), stderr=stderr, environment={})
    assert run(["-i", str(tmp_path / "none.toml"), *arguments], output) == 2
    assert stderr.getvalue().startswith(f"invalid value for '{arguments[-2]}'")
