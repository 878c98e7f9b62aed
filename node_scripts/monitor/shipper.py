"""Ships what is sealed: the newest minute first, then the backlog oldest first, each until it is delivered.

An object that lies in the store already counts as delivered if it is the same. A failure ends the pass; the
next one waits ever longer, at most a minute, with jitter so that a fleet does not return all at once; an
hour's worth of refusals costs twelve requests.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from node_scripts.monitor.sealed import Row, decode_minute
from node_scripts.monitor.spool import Spool
from node_scripts.monitor.spool_schema import SpoolCorruptError, SpoolError
from node_scripts.store.objects import ObjectMissingError, ObjectStore, StoreError, StoreRefusedError

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 60.0
REFUSED_WAIT_S = 300.0
PASS_S = 20.0
"""Time budget of one pass over the backlog."""
PAUSE_S = 1.0
"""Between two passes while there is a backlog."""

BATCHES_A_PASS = 8
"""Most objects of events that are made in one pass."""

_LOG = logging.getLogger("garnet.monitor.shipper")


@dataclass(slots=True)
class Pass:
    """What one pass has done."""

    shipped: int = 0
    garbled: int = 0
    """Minutes that could not be read any more."""
    failure: StoreError | None = None
    left: bool = False
    """There is more to ship."""


def wait_s(failures: int, refused: bool, draw: float) -> float:  # noqa: FBT001 -- a plain fact
    """Return the pause after ``failures`` failed passes in a row; ``draw`` is a random number in 0..1."""
    if refused:
        return REFUSED_WAIT_S * (0.8 + 0.4 * draw)
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures, 16))
    return longest * (0.5 + 0.5 * draw)


def ship(
    spool: Spool,
    store: ObjectStore,
    budget_s: float,
    stopped: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Pass:
    """Ship for at most ``budget_s``. Raises SpoolError only: the store's errors are in the result."""
    result = Pass()
    deadline = clock() + budget_s
    try:
        seen = _ship_new(spool, store, 0, result, newest_only=True)
        _ship_events(spool, store)
        while not stopped() and clock() < deadline:
            seen = _ship_new(spool, store, seen, result, newest_only=False)
            row = spool.oldest()
            if row is None:
                return result
            _deliver(spool, store, row, result)
    except StoreError as error:
        result.failure = error
    result.left = spool.oldest() is not None
    return result


def _ship_new(spool: Spool, store: ObjectStore, seen: int, result: Pass, *, newest_only: bool) -> int:
    """Ship the newest of what was sealed after ``seen``; return up to where that is now."""
    last = spool.last_serial()
    if last > seen:
        row = spool.newest(seen)
        if row is not None and (newest_only or row.serial > seen):
            _deliver(spool, store, row, result)
    return max(seen, last)


def _ship_events(spool: Spool, store: ObjectStore) -> None:
    for _ in range(BATCHES_A_PASS):
        if not spool.seal_batch():
            break
    for key, body in spool.batches():
        store.put(key, body, only_new=True)
        spool.batch_delivered(key)


def _deliver(spool: Spool, store: ObjectStore, row: Row, result: Pass) -> None:
    try:
        decode_minute(row.body)
    except ValueError:
        spool.remove_garbled(row)
        result.garbled += 1
        return
    if row.unsure and not _is_free(store, row):
        if _lies_there(store, row):
            spool.delivered(row)
        else:
            spool.renumber(row)
        return
    if store.put(row.key, row.body, only_new=True) or _lies_there(store, row):
        spool.delivered(row)
        result.shipped += 1
    else:
        # Another minute lies under this key: this node's spool was lost once, or its clock jumped.
        spool.renumber(row)


def _is_free(store: ObjectStore, row: Row) -> bool:
    try:
        store.get(row.key)
    except ObjectMissingError:
        return True
    return False


def _lies_there(store: ObjectStore, row: Row) -> bool:
    try:
        return store.get(row.key) == row.body
    except ObjectMissingError:
        return False


class Shipping:
    """Ships from a thread of its own. The monitor looks at its figures and never waits for it."""

    def __init__(self, spool: Spool, open_store: Callable[[], ObjectStore]) -> None:
        """Ship from ``spool`` to what ``open_store`` opens, which may raise StoreError."""
        self.spool = spool
        self._open_store = open_store
        self._store: ObjectStore | None = None
        self._woken = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shipping", daemon=True)
        self._lock = threading.Lock()
        self._counts = {"store_failures": 0, "garbled": 0}
        self._failures = 0
        self._failing_since: float | None = None
        self.store_ok: bool | None = None
        self.last_shipped_unix: float | None = None
        self.corrupt: str = ""
        """Why the spool cannot be used any more; the monitor replaces it."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something new was sealed."""
        if not self._failures:
            self._woken.set()

    def retry_now(self) -> None:
        """Try again at once: settings may have changed."""
        self._failures = 0
        self._woken.set()

    def use(self, spool: Spool) -> None:
        """Go on with another spool."""
        self.spool = spool
        self.corrupt = ""
        self._woken.set()

    def use_store(self, open_store: Callable[[], ObjectStore]) -> None:
        """Go on with another store."""
        self._open_store = open_store
        self._store = None
        self.retry_now()

    def unreachable_s(self, now_s: float) -> float:
        """Return for how long shipping has failed; 0 while it works. By the monotonic clock."""
        since = self._failing_since
        return 0.0 if since is None else max(0.0, now_s - since)

    def take_counts(self) -> dict[str, int]:
        """Return the failures and garbled minutes since the last call."""
        with self._lock:
            counts, self._counts = self._counts, dict.fromkeys(self._counts, 0)
        return counts

    def stop(self, last_s: float) -> None:
        """End the thread and ship once more for at most ``last_s`` in all."""
        deadline = time.monotonic() + last_s
        self._stop.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(last_s)
        if self._thread.is_alive():
            return
        last = threading.Thread(
            target=self._pass, args=(max(0.1, deadline - time.monotonic()), lambda: False), daemon=True
        )
        last.start()
        last.join(max(0.1, deadline - time.monotonic()))

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stop.is_set():
            self._woken.wait(pause_s or None)
            self._woken.clear()
            if self._stop.is_set():
                return
            result = self._pass(PASS_S, self._stop.is_set)
            if result is None or result.failure is not None:
                refused = result is not None and isinstance(result.failure, StoreRefusedError)
                pause_s = wait_s(self._failures, refused, random.random())  # noqa: S311 -- jitter
            else:
                pause_s = PAUSE_S if result.left else 0.0

    def _pass(self, budget_s: float, stopped: Callable[[], bool]) -> Pass | None:
        """Run one pass; ``None`` if the spool failed."""
        try:
            if self._store is None:
                self._store = self._open_store()
            result = ship(self.spool, self._store, budget_s, stopped)
        except StoreError as error:
            result = Pass(failure=error)
        except SpoolCorruptError as error:
            self.corrupt = str(error)
            return None
        except SpoolError as error:
            _LOG.warning("the spool: %s", error)
            return None
        self._note(result)
        return result

    def _note(self, result: Pass) -> None:
        with self._lock:
            self._counts["garbled"] += result.garbled
            self._counts["store_failures"] += result.failure is not None
        if result.shipped:
            self.last_shipped_unix = time.time()
        if result.failure is None:
            if self.store_ok is False:
                _LOG.info("the store takes minutes again")
            self._failures, self._failing_since, self.store_ok = 0, None, True
            return
        self._failures += 1
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            _LOG.warning("nothing is shipped: %s; %s", result.failure, result.failure.remedy)
        self.store_ok = False
