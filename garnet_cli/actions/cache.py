"""Purge the prompt cache of a node's loaders of one model, without a failed request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from garnet_cli.actions.control import Asks, proxy_status
from garnet_cli.actions.events import act
from garnet_cli.errors import NodeError
from node_scripts.contracts import LoaderStatus, ProxyStatus

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class PurgedLoader:
    """What a purge found in one loader's prompt cache, or, when nothing was done, would find."""

    loader: str
    sequences: int | None
    """``None``: its mlx-lm does not tell."""
    size_bytes: int | None
    in_flight: int
    """Requests that had begun before; they run to their end and put nothing back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Purge:
    """A purge of one model's prompt cache on one node."""

    node: str
    model: str
    done: bool
    loaders: list[PurgedLoader] = field(default_factory=list)


def purge(node: Asks, model: str, who: str, report: Report, *, dry_run: bool = False) -> Purge:
    """Empty the prompt cache of every loader in the model's slot, in place and under traffic.

    The active loader first, then one that waits to be flipped to and one to flip back to. With
    ``dry_run`` only tells what they hold. The node's lease must be held unless ``dry_run``.

    Raises :class:`NodeError` where the node serves no such model (``no_loader``), for a loader that does
    not answer, is too busy, or runs on a release that cannot purge.
    """
    found = loaders_of(proxy_status(node), model)
    if not found:
        raise NodeError(
            f"no loader of {model} is here",
            node=node.name,
            remedy=f"look at `garnet status`; `garnet up {node.name}` starts what the inventory names",
            code="no_loader",
        )
    if dry_run:
        return Purge(node=node.name, model=model, done=False, loaders=[_held(each) for each in found])
    purged = []
    for each in found:
        report(f"purging the prompt cache of {each.spec.name}")
        answer = node.ask("purge_loader", http_socket=each.spec.http_socket)
        one = PurgedLoader(
            loader=each.spec.name,
            sequences=int(answer["sequences"]),
            size_bytes=int(answer["size_bytes"]),
            in_flight=int(answer["in_flight"]),
        )
        purged.append(one)
        detail = {"loader": one.loader, "sequences": one.sequences, "size_bytes": one.size_bytes}
        node.ask("note_event", **act("cache", model, "purged", who, **detail))
    return Purge(node=node.name, model=model, done=True, loaders=purged)


def loaders_of(status: ProxyStatus, model: str) -> list[LoaderStatus]:
    """Return the loaders in the model's slot that have answered before, the active one first."""
    slots = [slot for slot in status.slots if slot.model == model]
    found = [each for slot in slots for each in (slot.active, slot.next, slot.previous) if each is not None]
    return [each for each in found if each.state in ("ready", "suspect")]


def _held(loader: LoaderStatus) -> PurgedLoader:
    stats = loader.stats
    return PurgedLoader(
        loader=loader.spec.name,
        sequences=stats.cache_sequences if stats else None,
        size_bytes=stats.cache_bytes if stats else None,
        in_flight=loader.in_flight,
    )
