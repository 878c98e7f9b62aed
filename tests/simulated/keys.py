"""How a node's requests divide into client keys."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tests.simulated.draw import ERRORS, Drawn
from tests.simulated.spec import FleetSpec

Ints = NDArray[np.int64]
TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")


def key_counts(spec: FleetSpec, drawn: Drawn) -> Mapping[str, Ints]:
    """Return the fields of KeyMinute as [steps, nodes, keys]; over the keys they are the clients' sums."""
    rng = np.random.default_rng([spec.seed, int(drawn.begins[0]), drawn.step_s, 9])
    share = 0.5 ** np.arange(1, len(spec.keys) + 1)
    client = {name: value.sum(axis=2) for name, value in drawn.client.items()}
    failed = np.sum([client[name] for name in ERRORS], axis=0)
    share /= share.sum()
    errors = rng.multinomial(failed, share)
    requests = errors + rng.multinomial(client["requests"] - failed, share)
    found = {"requests": requests, "errors": errors}
    served = (requests - errors) / np.maximum(client["requests"] - failed, 1)[:, :, None]
    for name in TOKENS:
        parts = np.floor(client[name][:, :, None] * served).astype(np.int64)
        parts[:, :, 0] += client[name] - parts.sum(axis=2)
        found[name] = parts
    return found
