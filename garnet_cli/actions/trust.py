"""Decide which host keys of nodes are recorded: shown, confirmed, and never taken silently."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import paramiko

from garnet_cli.errors import HostKeyError
from garnet_cli.fleet.host_keys import HostKey, add_host_keys, known_name, load_known_hosts

Confirm = Callable[[Sequence["Offer"]], bool]
"""Shows the offers to the operator and returns whether all of them are right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """The keys that a host offers now, beside those on record."""

    node: str
    host: str
    port: int
    offered: tuple[HostKey, ...]
    recorded: tuple[HostKey, ...]

    @property
    def state(self) -> Literal["known", "new", "changed"]:
        """Compare: known needs a match and no mismatch among the kinds on record."""
        on_record = {key.kind: key for key in self.recorded}
        shared = [key for key in self.offered if key.kind in on_record]
        if any(on_record[key.kind] != key for key in shared):
            return "changed"
        if shared:
            return "known"
        return "changed" if self.recorded else "new"


def offer(node: str, host: str, port: int, offered: Sequence[HostKey], known_hosts: Path) -> Offer:
    """Put what a host offers beside what ``known_hosts`` has of it."""
    entries: Mapping[str, paramiko.PKey] = load_known_hosts(known_hosts).lookup(known_name(host, port)) or {}
    recorded = tuple(HostKey(key.get_name(), key.get_base64()) for key in entries.values())
    return Offer(node=node, host=host, port=port, offered=tuple(offered), recorded=recorded)


def record(
    offers: Sequence[Offer], known_hosts: Path, fingerprints: Collection[str], confirm: Confirm | None
) -> list[Offer]:
    """Record the keys that are confirmed and return the offers that this changed.

    A key is confirmed by its fingerprint, of a host then only the keys so named; or by ``confirm``, which
    is ``None`` where nobody can be asked. Raises HostKeyError, with nothing recorded, where a host stays
    unconfirmed.
    """
    open_offers = [each for each in offers if each.state != "known"]
    wanted = {_plain(fingerprint) for fingerprint in fingerprints}
    named = {each: [key for key in each.offered if _plain(key.fingerprint) in wanted] for each in open_offers}
    unnamed = [each for each in open_offers if not named[each]]
    if unnamed and (fingerprints or confirm is None or not confirm(unnamed)):
        where = ", ".join(dict.fromkeys(each.node for each in unnamed))
        raise HostKeyError(
            f"host key {unnamed[0].state} and not confirmed ({'; '.join(map(_offers, unnamed))})",
            node=where,
            remedy="compare it with the node's own (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there)"
            " and name it with --fingerprint",
        )
    for each in open_offers:
        add_host_keys(known_hosts, each.host, each.port, named[each] or each.offered)
    return open_offers


def _offers(each: Offer) -> str:
    keys = ", ".join(f"{key.kind} {key.fingerprint}" for key in each.offered)
    return f"{known_name(each.host, each.port)} offers {keys}"


def _plain(fingerprint: str) -> str:
    return fingerprint.removeprefix("SHA256:").rstrip("=")
