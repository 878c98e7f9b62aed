"""A placement's reasons as sentences of their own, as the report has them on its pages and in its tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from garnet_cli.judge.placement_diff import PlacementDiff

ENDS = (".", "!", "?")
AFTER_A_NAME = frozenset(" ,:;'")


def in_sentences(diff: PlacementDiff) -> PlacementDiff:
    """Return the diff with its reasons, and what stays unmet, as sentences. All else is as it was."""
    names = {*diff.placement, *(node.node for node in diff.nodes)}
    return replace(
        diff,
        moves=tuple(replace(one, reason=sentence(one.reason, names)) for one in diff.moves),
        cache_changes=tuple(replace(one, reason=sentence(one.reason, names)) for one in diff.cache_changes),
        unmet=tuple(sentence(one, names) for one in diff.unmet),
    )


def sentence(text: str, names: Collection[str]) -> str:
    """Return a text with a capital and a full stop; one of ``names`` at its beginning stays as it is."""
    if not text:
        return ""
    if not any(_begins_with(text, name) for name in names):
        text = text[0].upper() + text[1:]
    return text if text.endswith(ENDS) else f"{text}."


def _begins_with(text: str, name: str) -> bool:
    rest = text.removeprefix(name)
    return len(rest) < len(text) and (not rest or rest[0] in AFTER_A_NAME)
