"""Where each figure of a report comes from, by its path in the JSON: what traces.toml says."""

from __future__ import annotations

import tomllib
from pathlib import Path

from garnet_cli.report.contents import Trace

FILE = Path(__file__).with_name("traces.toml")


def read_traces() -> dict[str, Trace]:
    """Return every figure's trace by its path; list indices are ``[]``."""
    return {
        path: Trace(unit=told["unit"], source=told["source"], formula=told["formula"])
        for told in tomllib.loads(FILE.read_text(encoding="utf-8"))["figures"]
        for path in told["paths"]
    }


TRACES = read_traces()
