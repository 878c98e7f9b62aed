"""The keys of `[deploy]`, as in `inventory_schema`, and their rules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from garnet_cli.fleet.inventory import DeploySettings
from garnet_cli.fleet.inventory_keys import Key, any_of, read_keys
from garnet_cli.fleet.inventory_mistakes import Mistakes
from garnet_cli.fleet.inventory_values import nearest, number, shown, text, whole


def _key(name: str, read: Any, doc: str, example: str, default_text: str = "") -> Key:
    default = DeploySettings.__dataclass_fields__[name].default
    return Key(name, read, doc, example, default, default_text)


DEPLOY_KEYS = (
    _key("watch_s", number(1, 86400), "Seconds for which the first node that was changed is watched.", "600"),
    _key("roll_watch_s", number(1, 86400), "Seconds for which each further node is watched.", "120"),
    _key("ratio_limit", number(1.01, 10),
        "How many times slower the p95 of a changed node may be than that of the nodes not changed.", "1.25"),
    _key("requests", whole(59, 100_000),
        "Fewest requests by which a node is judged; where traffic brings less, test prompts are sent.", "60"),
    _key("canary", text("a node's name"), "The node that is changed first.", '"mini-1"',
        "the one with the least traffic"),
    _key("test_command", text("a command"),
        "Command of this machine that must succeed before anything is changed; run by the shell in the"
        " inventory's folder.", '"make test"', "none"),
    _key("staging", text("a node's name"),
        "A node that serves no clients: each deploy is tried there first, with a swap and its telemetry.",
        '"mini-2"', "none"),
    _key("grace_s", number(1, 3600),
        "Seconds after which a node takes an unconfirmed change back by itself, once the operator's machine"
        " is gone.", "60"),
    _key("hold_s", number(1, 2_592_000),
        "Seconds for which a change that could not be judged is kept for `garnet deploy resume`; then the"
        " node takes it back.", "86400"),
)  # fmt: skip


def read_deploy(table: Any, mistakes: Mistakes) -> DeploySettings | None:
    """Return `[deploy]`, or ``None`` where a mistake was noted."""
    before = len(mistakes.found)
    values = read_keys(table, DEPLOY_KEYS, ("deploy",), "[deploy]", mistakes)
    return DeploySettings(**values) if len(mistakes.found) == before else None


def check_deploy(deploy: DeploySettings, nodes: Collection[str], mistakes: Mistakes) -> None:
    """Note what is wrong between keys that are each right."""
    for key, name in (("canary", deploy.canary), ("staging", deploy.staging)):
        if name is not None and name not in nodes:
            hint = nearest(name, list(nodes)) or f", expected {any_of(nodes)}"
            mistakes.add(("deploy", key), f"{shown(name)} is no node{hint}")
    if deploy.canary is not None and deploy.canary == deploy.staging:
        mistakes.add(("deploy", "canary"), "is the staging node, expected one that serves clients")
