"""How fast each node is before anything is changed: its last requests, test prompts where they are few."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from garnet_cli.actions.deploy.observe import Observer
from garnet_cli.actions.deploy.prompts import prompt_count, send_prompts
from garnet_cli.actions.node_work import NodeReport
from garnet_cli.errors import GarnetError
from garnet_cli.fleet.inventory import DeploySettings
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each
from garnet_cli.judge.evidence import served
from node_scripts.records import RequestRecord

FIRST_LOOK_S = 60.0
PROMPTS_MARGIN = 1.5
"""Expected traffic must be this many times what is needed, or test prompts are sent as well."""


def wait_for_first_look(observer: Observer) -> None:
    """Wait until every node was looked at once; raises the error of one that cannot be."""
    deadline = time.monotonic() + FIRST_LOOK_S
    while any(log.health is None for log in observer.logs.values()):
        for error in observer.lost().values():
            raise error
        if time.monotonic() > deadline:
            silent = [name for name, log in observer.logs.items() if log.health is None]
            raise GarnetError(
                f"the proxy of {', '.join(silent)} does not tell of its requests",
                remedy="bring the release there with `garnet up` first",
            )
        time.sleep(0.1)


def recent(
    records: Mapping[str, Sequence[RequestRecord]], seconds: float, now_unix: float
) -> dict[str, list[RequestRecord]]:
    """Return the requests of the last ``seconds``, by node."""
    since = now_unix - seconds
    return {name: [one for one in found if one.end_unix >= since] for name, found in records.items()}


def quiet_models(
    records: Mapping[str, Sequence[RequestRecord]],
    models: Mapping[str, Sequence[str]],
    changed: Sequence[str],
    careful: DeploySettings,
    now_unix: float,
) -> dict[str, list[str]]:
    """Return, by node, the models whose clients ask for too little to judge one of the ``changed`` nodes by.

    ``models`` are those that each node is judged by. A model that is quiet on one changed node gets test
    prompts on all nodes: they are compared with each other.
    """
    lately = recent(records, min(careful.watch_s, careful.roll_watch_s), now_unix)
    needed = careful.requests * PROMPTS_MARGIN
    quiet = {
        model
        for name in changed
        if name in records
        for model in models[name]
        if served(lately[name], model) < needed
    }
    found = {name: [model for model in models[name] if model in quiet] for name in records}
    return {name: wanted for name, wanted in found.items() if wanted}


def send_baseline(
    nodes: Sequence[NodeHandle],
    prompted: Mapping[str, Sequence[str]],
    observer: Observer,
    minimum: int,
    report: NodeReport,
) -> None:
    """Send the test prompts that tell how fast ``nodes`` are now, side by side."""

    def one(node: NodeHandle) -> None:
        for model in prompted[node.name]:
            count = prompt_count(minimum)
            send_prompts(node, model, count, lambda: False, lambda said: report(node.name, said))
        # What was answered since the last look happened before the change, too.
        observer.logs[node.name].look()

    for_each(nodes, one)
