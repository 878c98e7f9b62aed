"""Keys: what a client gets, what nodes keep, and that a revocation survives every merge."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from garnet_cli.actions import keys
from garnet_cli.errors import NodeError, UsageError
from node_scripts.contracts import SCHEMA, ClientKey, Keys

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def entry(name: str, *, revoked: str | None = None, created: str = "2026-01-01T00:00:00Z") -> ClientKey:
    """Return a key at rest."""
    return ClientKey(
        name=name, sha256=hashlib.sha256(name.encode()).hexdigest(), created=created, revoked=revoked
    )


def held(*entries: ClientKey) -> Keys:
    """Return what a node holds."""
    return Keys(schema=SCHEMA, keys=list(entries))


def test_key_has_the_stated_form_and_only_its_hash_is_kept() -> None:
    """``gk-`` and 43 characters; the entry does not contain it."""
    new = keys.make("team", AT)
    assert re.fullmatch(r"gk-[A-Za-z0-9_-]{43}", new.text)
    assert new.entry.sha256 == hashlib.sha256(new.text.encode()).hexdigest()
    assert new.entry.created == "2026-11-21T03:00:00Z"


def test_two_keys_differ() -> None:
    """Keys are random."""
    assert keys.make("a", AT).text != keys.make("a", AT).text


def test_merge_is_the_same_in_any_order() -> None:
    """Nodes may be asked in any order; `up` compares the result with what they hold."""
    parts = [
        held(entry("a"), entry("b")),
        held(entry("b", revoked="2026-02-01T00:00:00Z"), entry("c", created="2025-01-01T00:00:00Z")),
        held(entry("b", revoked="2026-03-01T00:00:00Z")),
    ]
    merged = [keys.merge(order) for order in itertools.permutations(parts)]
    assert all(result == merged[0] for result in merged)
    assert [(key.name, key.revoked) for key in merged[0].keys] == [
        ("c", None),
        ("a", None),
        ("b", "2026-02-01T00:00:00Z"),
    ]


def test_revoked_key_stays_revoked_when_an_absent_node_comes_back() -> None:
    """A node that missed the revocation does not undo it."""
    revoked = keys.revoke(held(entry("a")), "a", AT)
    assert keys.live(keys.merge([held(entry("a")), revoked])) == []


def test_revoking_twice_keeps_the_first_time() -> None:
    """Running the command again changes nothing."""
    once = keys.revoke(held(entry("a")), "a", AT)
    assert keys.revoke(once, "a", LATER) == once


def test_a_name_is_free_again_after_its_key_was_revoked() -> None:
    """A client's key can be replaced under its name."""
    revoked = keys.revoke(held(entry("team")), "team", AT)
    assert [key.name for key in keys.live(keys.add(revoked, keys.make("team", LATER)))] == ["team"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("team", 'there is a key "team" already; revoke it first'),
        ("a b", "is no key name"),
        ("", "is no key name"),
    ],
)
def test_bad_names_are_usage_errors(name: str, message: str) -> None:
    """A name in use or of another form is refused before anything is written."""
    with pytest.raises(UsageError, match=message):
        keys.add(held(entry("team")), keys.make(name, AT))


def test_unknown_name_is_told_with_the_nearest() -> None:
    """A mistyped name revokes nothing."""
    with pytest.raises(UsageError, match=r'no key "taem"; did you mean "team"\?'):
        keys.revoke(held(entry("team")), "taem", AT)


def test_a_node_whose_list_is_not_the_fleets_is_told_by_what_it_does() -> None:
    """One missed a revocation, one a new key, one both; one was never told of a key already revoked."""
    at = "2026-02-01T00:00:00Z"
    nodes = {
        "right": held(entry("new"), entry("old", revoked=at)),
        "late": held(entry("new"), entry("old")),
        "poor": held(entry("old", revoked=at)),
        "both": held(entry("old")),
        "harmless": held(entry("new")),
        "bare": held(),
    }
    assert keys.shortcomings(nodes, keys.merge(nodes.values())) == {
        "late": "still accepts old",
        "poor": "does not accept new",
        "both": "still accepts old and does not accept new",
        "harmless": "holds an older list",
        "bare": "does not accept new",
    }
    assert keys.shortcomings({"one": held(), "two": held()}, keys.merge([held()])) == {}


class Node:
    """A node that takes files and reloads."""

    name = "mini-1"

    def __init__(self, *, reload: str = "ok") -> None:
        """Answer a reload with ``ok``, ``down`` or ``invalid``."""
        self.reload = reload
        self.files: dict[str, Any] = {}

    def ask(self, step: str, **arguments: Any) -> Any:
        """Do one step."""
        if step == "write_file":
            self.files[arguments["path"]] = (json.loads(arguments["content"]), arguments["mode"])
            return {"changed": True}
        assert (step, arguments["method"], arguments["path"]) == ("control", "POST", "/control/reload")
        if self.reload == "down":
            raise NodeError("no proxy", node=self.name, code="proxy_down")
        if self.reload == "invalid":
            return {"status": 400, "body": {"error": {"message": "keys.json: bad"}}}
        return {"status": 200, "body": {"reloaded": True}}


def test_write_leaves_no_plain_key_on_the_node_and_reloads() -> None:
    """The file has hashes only, readable by its owner."""
    node = Node()
    new = keys.make("team", AT)
    assert keys.write(node, keys.add(held(), new)) is True
    content, mode = node.files["etc/keys.json"]
    assert content["keys"][0]["sha256"] == new.entry.sha256
    assert new.text not in json.dumps(content)
    assert mode == 0o600


def test_write_without_a_proxy_says_so() -> None:
    """Keys can be made before the first `up`."""
    assert keys.write(Node(reload="down"), held()) is False


def test_write_that_the_proxy_refuses_is_an_error() -> None:
    """A proxy that keeps its old keys is never passed over."""
    with pytest.raises(NodeError, match=r"mini-1: the proxy refused .*keys\.json: bad"):
        keys.write(Node(reload="invalid"), held())
