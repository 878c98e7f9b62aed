"""Write a simulated fleet's minutes and events into a store of its own."""

from __future__ import annotations

from pathlib import Path

from tests.simulated.spec import FleetSpec
from tests.simulated.truth import Truth


def simulate(spec: FleetSpec, folder: Path, *, raw_days: int = 0) -> Truth:
    """Write a fleet's telemetry into the directory store at ``folder``, and return what is true of it.

    Days are written as compacted Parquet with their manifests; the last ``raw_days`` UTC days as the objects
    that nodes ship. The same spec writes the same bytes.
    """
    raise NotImplementedError
