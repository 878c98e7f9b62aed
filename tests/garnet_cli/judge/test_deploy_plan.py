"""A deploy's plan."""

from __future__ import annotations

from typing import get_args

from garnet_cli.judge.deploy_plan import KINDS, nodes_of, plan_difference, plan_document
from garnet_cli.judge.difference import Change, ChangeKind

CHANGES = [
    Change("one", "release", "abc", "from def"),
    Change("one", "configuration", "fleet.json"),
    Change("two", "swap loader", "tiny", "a → b"),
]


def test_every_kind_of_change_is_release_configuration_or_models() -> None:
    """A new kind has to be told where it belongs."""
    assert set(KINDS) == set(get_args(ChangeKind))


def test_the_document_has_each_change_with_its_kind() -> None:
    """And the nodes, in the order of their first change."""
    document = plan_document(CHANGES, ["a note"])
    assert [change["plan"] for change in document["changes"]] == ["release", "configuration", "models"]
    assert (document["nodes"], document["notes"]) == (["one", "two"], ["a note"])
    assert nodes_of(CHANGES) == ["one", "two"]


def test_two_plans_differ_by_what_they_do_and_not_by_their_words() -> None:
    """A node that was added or removed between plan and apply shows."""
    same = [Change("one", "release", "abc", "from elsewhere"), *CHANGES[1:]]
    assert plan_difference(CHANGES, same) == ""
    assert plan_document(CHANGES, [])["digest"] == plan_document(same, [])["digest"]
    other = [*CHANGES[:2], Change("two", "swap loader", "tiny", "a → b", content="another artifact")]
    assert "new: the swap loader of two" in plan_difference(CHANGES, other)
    assert plan_difference(CHANGES, CHANGES[:2]) == "gone: the swap loader of two (tiny)"
    more = [*CHANGES, Change("three", "release", "abc")]
    assert plan_difference(CHANGES, more) == "new: the release of three (abc)"
