"""Host keys are recorded only when a person or a fingerprint confirms them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import paramiko
import pytest

from garnet_cli.actions.trust import Offer, offer, record
from garnet_cli.errors import HostKeyError
from garnet_cli.fleet.host_keys import HostKey


def new_key() -> HostKey:
    """Return a fresh key."""
    key = paramiko.ECDSAKey.generate()
    return HostKey(key.get_name(), key.get_base64())


def new_rsa_key() -> HostKey:
    """Return a fresh key of another kind."""
    key = paramiko.RSAKey.generate(1024)
    return HostKey(key.get_name(), key.get_base64())


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    """Return where the fleet's keys are recorded; nothing is there yet."""
    return tmp_path / "known_hosts"


def offered(known_hosts: Path, *keys: HostKey, node: str = "mini-1") -> Offer:
    """Return what the node offers now."""
    return offer(node, f"{node}.local", 2222, keys, known_hosts)


def test_confirmed_keys_are_known_from_then_on(known_hosts: Path) -> None:
    """The second run finds nothing to do and asks nothing."""
    key = new_key()
    first = offered(known_hosts, key)
    assert first.state == "new"
    assert record([first], known_hosts, [], lambda _: True) == [first]
    again = offered(known_hosts, key)
    assert again.state == "known"
    assert record([again], known_hosts, [], None) == []


def test_refused_or_unasked_keys_leave_no_trace(known_hosts: Path) -> None:
    """Neither a no nor a missing terminal records anything, also not of other hosts."""
    offers = [offered(known_hosts, new_key()), offered(known_hosts, new_key(), node="mini-2")]
    for confirm in (None, lambda _: False):
        with pytest.raises(HostKeyError, match=r"mini-1, mini-2: host key new and not confirmed"):
            record(offers, known_hosts, [], confirm)
    assert not known_hosts.exists()


def test_fingerprint_confirms_its_own_key_only(known_hosts: Path) -> None:
    """Other kinds that the host offers were not vouched for."""
    key, other = new_key(), new_rsa_key()
    record([offered(known_hosts, key, other)], known_hosts, [key.fingerprint], None)
    assert key.data in known_hosts.read_text()
    assert other.data not in known_hosts.read_text()


def test_wrong_fingerprint_is_refused_even_where_one_could_ask(known_hosts: Path) -> None:
    """Who names fingerprints wants them to hold."""
    with pytest.raises(HostKeyError, match="not confirmed"):
        record([offered(known_hosts, new_key())], known_hosts, [new_key().fingerprint], lambda _: True)


def test_changed_key_is_asked_about_and_replaces_the_old_one(known_hosts: Path) -> None:
    """A changed key is never known, and both are shown."""
    old, new = new_key(), new_key()
    record([offered(known_hosts, old)], known_hosts, [], lambda _: True)
    seen: list[Offer] = []

    def confirm(offers: Sequence[Offer]) -> bool:
        seen.extend(offers)
        return True

    record([offered(known_hosts, new)], known_hosts, [], confirm)
    assert (seen[0].state, seen[0].recorded) == ("changed", (old,))
    assert old.data not in known_hosts.read_text()
    assert offered(known_hosts, new).state == "known"


def test_host_that_offers_another_kind_only_has_changed(known_hosts: Path) -> None:
    """A missing known kind is no match."""
    record([offered(known_hosts, new_key())], known_hosts, [], lambda _: True)
    assert offered(known_hosts, new_rsa_key()).state == "changed"
