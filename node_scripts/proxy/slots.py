"""The node's slots: which loaders there are, which takes the traffic, kept on disk.

A new table is on disk before it takes effect, so a proxy that comes back serves what was promised.
Loaders keep their figures through a flip, and stay known until their last request has ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from node_scripts.contracts import SCHEMA, LoaderSpec, LoaderStatus, Slot, SlotStatus, SlotTable
from node_scripts.decoding import decode
from node_scripts.files import write_atomically
from node_scripts.paths import NodePaths
from node_scripts.proxy.loaders import Loader
from node_scripts.proxy.watch import Watch

_LOG = logging.getLogger("garnet.proxy.slots")


class SlotsError(Exception):
    """The slot table on disk cannot be read; the message says why."""


class _TextConfig(msgspec.Struct):
    vocab_size: int | None = None


class _ModelFile(msgspec.Struct):
    vocab_size: int | None = None
    text_config: _TextConfig | None = None


def vocabulary_size(artifacts: Path, artifact: str) -> int:
    """Return the vocabulary size of an artifact's config.json; 0 if it cannot be known."""
    try:
        config = decode((artifacts / artifact / "config.json").read_bytes(), _ModelFile)
    except (OSError, msgspec.DecodeError) as error:
        _LOG.warning("vocabulary size of artifact %s is unknown: %s", artifact, type(error).__name__)
        return 0
    nested = config.text_config.vocab_size if config.text_config is not None else None
    return config.vocab_size or nested or 0


def read_table(path: Path) -> SlotTable:
    """Read the slot table; an absent one is empty. Raises SlotsError."""
    try:
        table = decode(path.read_bytes(), SlotTable)
    except FileNotFoundError:
        return SlotTable(schema=SCHEMA, slots={})
    except (OSError, msgspec.DecodeError) as error:
        raise SlotsError(f"{path.name}: {error}") from error
    if table.schema > SCHEMA:
        raise SlotsError(f"{path.name}: schema {table.schema} is newer than this proxy's {SCHEMA}")
    return table


def specs_of(slot: Slot) -> list[LoaderSpec]:
    """Return a slot's loaders."""
    return [spec for spec in (slot.active, slot.next, slot.previous) if spec is not None]


class SlotRegistry:
    """Slots, loaders and their watches."""

    def __init__(self, paths: NodePaths, watch_of: Callable[[Loader], Watch]) -> None:
        """Start empty; ``watch_of`` makes the watch over a new loader."""
        self._paths = paths
        self._watch_of = watch_of
        self._writing = asyncio.Lock()
        self._arriving: list[Slot] = []
        self.slots: dict[str, Slot] = {}
        self.loaders: dict[str, Loader] = {}
        self.watches: dict[str, Watch] = {}

    def restore(self) -> None:
        """Take over the table on disk and begin to watch. Raises SlotsError."""
        for model, slot in read_table(self._paths.slots_file).slots.items():
            for spec in specs_of(slot):
                self._know(spec)
            self.slots[model] = slot

    def active(self, model: str) -> Loader | None:
        """Return the loader that takes the model's traffic."""
        slot = self.slots.get(model)
        return self.loaders[slot.active.name] if slot is not None and slot.active is not None else None

    @contextmanager
    def arriving(self, slot: Slot) -> Iterator[None]:
        """Know and watch the loaders of a slot that is being put; none of them is forgotten meanwhile."""
        self._arriving.append(slot)
        for spec in specs_of(slot):
            self._know(spec)
        try:
            yield
        finally:
            self._arriving.remove(slot)
            self.forget_unused()

    async def put(self, slot: Slot, apply: Callable[[], None]) -> None:
        """Write the slot to disk, then let it take effect and call ``apply`` in the same step.

        Raises OSError, with nothing changed.
        """
        async with self._writing:
            await self._persist({**self.slots, slot.model: slot})
            self.slots[slot.model] = slot
            apply()
        self.forget_unused()

    async def delete(self, model: str, apply: Callable[[], None]) -> bool:
        """Remove a slot; its requests in flight run on. Say whether it existed."""
        async with self._writing:
            if model not in self.slots:
                return False
            await self._persist({name: slot for name, slot in self.slots.items() if name != model})
            del self.slots[model]
            apply()
        self.forget_unused()
        return True

    async def _persist(self, slots: dict[str, Slot]) -> None:
        content = msgspec.json.format(msgspec.json.encode(SlotTable(schema=SCHEMA, slots=slots)))
        await asyncio.to_thread(write_atomically, self._paths.slots_file, content)

    def _know(self, spec: LoaderSpec) -> None:
        loader = self.loaders.get(spec.name)
        if loader is not None:
            loader.spec = spec
            return
        loader = Loader(spec, vocabulary_size(self._paths.artifacts, spec.artifact))
        self.loaders[spec.name] = loader
        watch = self._watch_of(loader)
        self.watches[spec.name] = watch
        watch.start()

    def _used(self) -> set[str]:
        return {spec.name for slot in (*self.slots.values(), *self._arriving) for spec in specs_of(slot)}

    def forget_unused(self) -> None:
        """Drop loaders that are in no slot, in none being put, and have nothing in flight."""
        used = self._used()
        for name, loader in list(self.loaders.items()):
            if name not in used and not loader.calls:
                del self.loaders[name]
                watch = self.watches.pop(name)
                watch.retire()

    def draining(self) -> list[LoaderStatus]:
        """Return the loaders that are in no slot but still have requests in flight."""
        used = self._used()
        return [loader.status() for name, loader in self.loaders.items() if name not in used]

    def slot_status(self, slot: Slot, queued: int) -> SlotStatus:
        """Return a slot's record for the control socket; the queue counts for its active loader."""

        def status(spec: LoaderSpec | None, queued: int = 0) -> LoaderStatus | None:
            return None if spec is None else self.loaders[spec.name].status(queued)

        return SlotStatus(
            model=slot.model,
            active=status(slot.active, queued),
            next=status(slot.next),
            previous=status(slot.previous),
        )

    async def stop(self) -> None:
        """Stop all watches."""
        await asyncio.gather(*(watch.stop() for watch in self.watches.values()))
