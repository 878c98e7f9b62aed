"""Clients' keys: made here, kept as hashes by every node, merged so that a revocation always wins."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from garnet_cli.actions.control import Asks, control
from garnet_cli.actions.provision import write_keys
from garnet_cli.errors import NodeError, UsageError
from garnet_cli.fleet.facts import decode_facts
from garnet_cli.fleet.inventory_values import nearest
from node_scripts.contracts import SCHEMA, ClientKey, Keys

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
PREFIX = "gk-"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """A key at its birth: the only moment at which its text exists."""

    text: str
    """``gk-`` and 43 characters: 256 random bits."""
    entry: ClientKey


def make(name: str, at: datetime) -> NewKey:
    """Return a fresh key called ``name``."""
    text = PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return NewKey(text=text, entry=ClientKey(name=name, sha256=digest, created=timestamp(at)))


def merge(several: Iterable[Keys]) -> Keys:
    """Return the union of the nodes' keys, oldest first; a key revoked anywhere is revoked.

    The order depends on the keys only, so that equal sets compare equal.
    """
    found: dict[str, ClientKey] = {}
    for key in (key for keys in several for key in keys.keys):
        known = found.get(key.sha256, key)
        times = [time for time in (known.revoked, key.revoked) if time]
        found[key.sha256] = replace(known, revoked=min(times, default=None))
    ordered = sorted(found.values(), key=lambda key: (key.created, key.name, key.sha256))
    return Keys(schema=SCHEMA, keys=ordered)


def add(keys: Keys, new: NewKey) -> Keys:
    """Return ``keys`` with ``new``; raises UsageError for a bad name or one in use."""
    name = new.entry.name
    if not NAME.fullmatch(name):
        raise UsageError(f'"{name}" is no key name, expected 1 to 64 of A-Z, a-z, 0-9, ., _, @ and -')
    if any(key.name == name and key.revoked is None for key in keys.keys):
        raise UsageError(
            f'there is a key "{name}" already', remedy=f"revoke it first: garnet keys revoke {name}"
        )
    return merge([keys, Keys(schema=SCHEMA, keys=[new.entry])])


def revoke(keys: Keys, name: str, at: datetime) -> Keys:
    """Return ``keys`` with every key called ``name`` revoked; raises UsageError where there is none."""
    names = sorted({key.name for key in keys.keys})
    if name not in names:
        hint = nearest(name, names) or (f"; there are {', '.join(names)}" if names else "; there is none")
        raise UsageError(f'no key "{name}"{hint}')
    revoked = [
        replace(key, revoked=timestamp(at)) if key.name == name and key.revoked is None else key
        for key in keys.keys
    ]
    return Keys(schema=keys.schema, keys=revoked)


def read(node: Asks) -> Keys:
    """Return the keys that one node holds."""
    facts = decode_facts(node.name, node.ask("facts", listen=None, artifacts=[]))
    return facts.keys or Keys(schema=SCHEMA, keys=[])


def write(node: Asks, keys: Keys, event: dict[str, Any] | None = None) -> bool:
    """Write ``keys`` to one node and have its proxy read them; return whether a proxy was there.

    ``event`` is noted on the node if that changes its keys. Without a proxy they take effect when it
    starts. Raises NodeError where the proxy refuses them.
    """
    write_keys(node, keys, event)
    try:
        control(node, "POST", "/control/reload", patience_s=0)
    except NodeError as error:
        if error.code != "proxy_down":
            raise
        return False
    return True


def shortcomings(held: Mapping[str, Keys], merged: Keys) -> dict[str, str]:
    """Return what is wrong with the list of each node that does not hold ``merged``, by node.

    ``held`` is what each node holds.
    """
    found = {}
    revoked = {key.sha256 for key in merged.keys} - {key.sha256 for key in live(merged)}
    for node, keys in held.items():
        if keys.keys == merged.keys:
            continue
        accepted = live(keys)
        wrongly = [key.name for key in accepted if key.sha256 in revoked]
        here = {key.sha256 for key in accepted}
        lacking = [key.name for key in live(merged) if key.sha256 not in here]
        parts = [f"still accepts {', '.join(wrongly)}"] if wrongly else []
        parts += [f"does not accept {', '.join(lacking)}"] if lacking else []
        found[node] = " and ".join(parts) or "holds an older list"
    return found


def live(keys: Keys) -> Sequence[ClientKey]:
    """Return the keys that are accepted."""
    return [key for key in keys.keys if key.revoked is None]


def timestamp(at: datetime) -> str:
    """Return ``at`` as RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
