"""Totals of a simulated fleet without a disk: fast enough for a thousand random weeks."""

from __future__ import annotations

from garnet_cli.store.totals import BucketSize, Totals
from tests.simulated.spec import FleetSpec


def simulate_totals(spec: FleetSpec, bucket: BucketSize = "day") -> Totals:
    """Return totals of all days of a spec, drawn from the same rates as ``simulate``'s minutes.

    They are their own truth: not the same numbers as ``simulate`` writes, which draws minute by minute.
    """
    raise NotImplementedError
