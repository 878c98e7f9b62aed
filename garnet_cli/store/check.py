"""Try whether a store can do what telemetry needs of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from node_scripts.store.layout import fleet_prefix
from node_scripts.store.objects import ObjectStore, StoreError

CONTENT = b"written by garnet store check; safe to delete\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ability:
    """One thing that a store can do or not."""

    name: str
    works: bool
    needed: bool
    """``False``: telemetry gets by without it."""
    detail: str = ""


def check_store(store: ObjectStore, fleet: str) -> list[Ability]:
    """Write, list, read, write again and delete one small object of our own; errors become details."""
    key = f"{fleet_prefix(fleet)}check/{secrets.token_hex(8)}"
    steps: tuple[tuple[str, Callable[[], bool], str], ...] = (
        ("write", lambda: store.put(key, CONTENT), "it was told that a new object exists"),
        ("list", lambda: any(info.key == key for info in store.list(key)), "a new object is not listed"),
        ("read", lambda: store.get(key) == CONTENT, "an object came back changed"),
        ("conditional put", lambda: not store.put(key, CONTENT), NO_CONDITION),
        ("delete", lambda: _deleted(store, key), "a deleted object is still listed"),
    )
    found: list[Ability] = []
    for name, step, otherwise in steps:
        needed = name != "conditional put"
        try:
            works = step()
        except StoreError as error:
            detail = f"{error}; {error.remedy}" if error.remedy else str(error)
            found.append(Ability(name=name, works=False, needed=needed, detail=detail))
            if name == "write":
                break
        else:
            found.append(Ability(name=name, works=works, needed=needed, detail="" if works else otherwise))
    return found


NO_CONDITION = "not kept: an object that is shipped twice is written twice, with the same bytes: harmless"


def _deleted(store: ObjectStore, key: str) -> bool:
    store.delete([key])
    return not any(info.key == key for info in store.list(key))
