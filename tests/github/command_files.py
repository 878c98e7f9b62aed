"""What steps append to the files that GITHUB_OUTPUT, GITHUB_ENV and GITHUB_PATH name."""

from __future__ import annotations

from itertools import takewhile


def appended(text: str) -> dict[str, str]:
    """Return the values of ``name=value`` and ``name<<END … END``; raises ValueError for anything else."""
    values = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        heredoc, mark, end = line.partition("<<")
        if mark and len(heredoc) < len(name):
            values[heredoc] = "\n".join(takewhile(end.__ne__, lines))
        elif equals and name:
            values[name] = value
        elif line:
            raise ValueError(f"neither name=value nor name<<END: {line!r}")
    return values


def appended_lines(text: str) -> list[str]:
    """Return the folders added to PATH, the last one first, as the runner puts them."""
    return [line for line in text.splitlines() if line][::-1]
