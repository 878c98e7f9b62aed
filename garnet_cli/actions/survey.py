"""Look at every node and work out what differs from the inventory."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from garnet_cli.actions.keys import merge
from garnet_cli.actions.provision import encode_configuration
from garnet_cli.errors import NodeError
from garnet_cli.fleet.artifact import Artifact
from garnet_cli.fleet.facts import NodeFacts, decode_facts
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.inventory_contracts import fleet_config, monitor_config
from garnet_cli.fleet.jobs import NodeLayout, monitor_job
from garnet_cli.fleet.node import NodeHandle
from garnet_cli.fleet.parallel import for_each
from garnet_cli.fleet.release import Release
from garnet_cli.fleet.secrets_file import OperatorSecrets
from garnet_cli.judge.difference import Change, DesiredLoader, DesiredNode, differences
from node_scripts.contracts import SCHEMA, FleetConfig, Keys
from node_scripts.monitor.config import ACCESS_KEY_NAME, SECRET_KEY_NAME, MonitorConfig
from node_scripts.supervision.interface import job_digest

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSurvey:
    """One node: as it is, as it should be, and what lies between."""

    facts: NodeFacts
    desired: DesiredNode
    config: FleetConfig
    monitor: MonitorConfig
    layout: NodeLayout
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSurvey:
    """The fleet at one moment."""

    nodes: Mapping[str, NodeSurvey]
    keys: Keys
    secret_fingerprint: str
    """Of the secret that all nodes should have; NEW_SECRET where none has one yet."""
    notes: Sequence[str] = ()
    """What the plan leaves as it is, and why; one line each."""

    @property
    def changes(self) -> list[Change]:
        """All changes, node by node."""
        return [change for node in self.nodes.values() for change in node.changes]


NEW_SECRET = "(new)"  # noqa: S105 -- says that there is none


def look(
    nodes: Sequence[NodeHandle],
    inventory: Inventory,
    artifacts: Sequence[Artifact],
    secrets_here: OperatorSecrets,
) -> dict[str, NodeFacts]:
    """Ask all nodes for their facts, side by side.

    Raises :class:`FleetError` naming every node that could not answer.
    """
    wanted = sorted({artifact.identifier for artifact in artifacts})

    def ask(node: NodeHandle) -> NodeFacts:
        entry = inventory.node(node.name)
        address = f"{entry.listen_host}:{entry.listen_port}"
        value = node.ask("facts", listen=address, artifacts=wanted, salt=secrets_here.salt)
        return decode_facts(node.name, value)

    return for_each(nodes, ask)


def survey(
    inventory: Inventory,
    facts: Mapping[str, NodeFacts],
    release: Release,
    artifacts: Mapping[str, Artifact],
    secrets_here: OperatorSecrets,
    only: Sequence[str] = (),
) -> FleetSurvey:
    """Compare the nodes' facts with the inventory and the release.

    ``artifacts`` are the models' artifacts by model name; ``secrets_here`` those that ``facts`` were
    asked with. Raises :class:`NodeError` for a node whose Python is too old for the release.
    """
    keys = merge([fact.keys for fact in facts.values() if fact.keys is not None])
    fingerprints = [fact.secret_fingerprint for fact in facts.values() if fact.secret_fingerprint]
    fingerprint = max(fingerprints, key=fingerprints.count) if fingerprints else NEW_SECRET
    nodes = {}
    for name, fact in facts.items():
        if only and name not in only:
            continue
        entry = inventory.node(name)
        version = tuple(int(part) for part in fact.python.version.split(".")[:2])
        if version < OLDEST_PYTHON:
            raise NodeError(
                f"Python {fact.python.version} is too old",
                node=name,
                remedy="name a Python of at least 3.11 with `python` in [[nodes]], or install uv",
            )
        environment = release.environment(fact.python.version, fact.system, fact.machine)
        config = fleet_config(inventory, entry)
        monitor = monitor_config(inventory, entry)
        layout = NodeLayout(root=entry.root, environments=entry.environments or f"{entry.root}/envs")
        desired = DesiredNode(
            node=name,
            release=release.identifier,
            environment=environment,
            fleet_sha256=hashlib.sha256(encode_configuration(config)).hexdigest(),
            keys=keys,
            secret_fingerprint=fingerprint,
            starts_at_boot=entry.boot,
            loaders=tuple(
                desired_loader(inventory, model.name, artifacts[model.name], release, environment)
                for model in inventory.models_on(name)
            ),
            monitor_job=job_digest(monitor_job(layout, release.identifier, environment)),
            monitor_sha256=hashlib.sha256(encode_configuration(monitor)).hexdigest(),
            monitor_secrets=secrets_here.fingerprints(),
        )
        nodes[name] = NodeSurvey(
            facts=fact,
            desired=desired,
            config=config,
            monitor=monitor,
            layout=layout,
            changes=differences(desired, fact),
        )
    return FleetSurvey(
        nodes=nodes, keys=keys, secret_fingerprint=fingerprint, notes=secret_notes(nodes, secrets_here)
    )


def secret_notes(nodes: Mapping[str, NodeSurvey], secrets_here: OperatorSecrets) -> list[str]:
    """Return what to say of secrets that the operator does not have."""
    kept: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for secret in node.facts.monitor_secrets:
            if secret not in secrets_here.told:
                kept.setdefault(secret, []).append(name)
    notes = [
        f"{secret} is not known here: left as it is on {', '.join(names)}" for secret, names in kept.items()
    ]
    for secret in (ACCESS_KEY_NAME, SECRET_KEY_NAME):
        lacking = [
            name
            for name, node in nodes.items()
            if node.monitor.store is not None
            and node.monitor.store.url.startswith("s3://")
            and secret not in node.facts.monitor_secrets
            and not secrets_here.told.get(secret)
        ]
        if lacking:
            notes.append(
                f"{secret} is known neither here nor on {', '.join(lacking)}: unless these have AWS keys of"
                " their own, minutes wait there until it is given, by the environment or the file that"
                " secrets of [telemetry] names"
            )
    return notes


def desired_loader(
    inventory: Inventory, model: str, artifact: Artifact, release: Release, environment: str
) -> DesiredLoader:
    """Return the loader that ``model`` should have on a node with ``environment``."""
    entry = inventory.model(model)
    return DesiredLoader(
        model=model,
        source=artifact.source,
        artifact=artifact.identifier,
        runtime=release.runtime(environment, entry.context, entry.concurrency, entry.cache_bytes),
        context=entry.context,
        concurrency=entry.concurrency,
        cache_bytes=entry.cache_bytes,
    )


def new_secret() -> str:
    """Return a fresh fleet secret: 256 random bits in hex."""
    return secrets.token_hex(32)


def no_keys() -> Keys:
    """Return the keys of a fleet without clients."""
    return Keys(schema=SCHEMA, keys=[])
