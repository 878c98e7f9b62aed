"""One node's monitor: looks every few seconds, seals a minute at a time, and never waits for a store.

The order of a look: what other processes have written, the sensors and the proxy side by side, what follows
from it (minute, alerts, events), what must be on disk now, what people see.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace

import msgspec

from node_scripts.contracts import ProxyStatus
from node_scripts.files import write_atomically
from node_scripts.monitor import own_events
from node_scripts.monitor.evictions_told import EvictionsTold
from node_scripts.monitor.inputs import EVENTS, REQUESTS, Inputs
from node_scripts.monitor.ledger import Entry, Ledger
from node_scripts.monitor.live import Live, Window, shown_sample, tally
from node_scripts.monitor.observation import Memory, observe, remember, unrecorded_since
from node_scripts.monitor.parts import Parts
from node_scripts.monitor.raising import Raising, raised_by_peers
from node_scripts.monitor.remembered import COUNTED_KEY, LIFE_KEY, SEEN_KEY, Life, decoded, memory_of
from node_scripts.monitor.sample import ModelSample, Sample
from node_scripts.monitor.sealed import Sealing
from node_scripts.monitor.sensing import Sensing
from node_scripts.monitor.settings import MonitorSettings
from node_scripts.monitor.taken_back import read_taken_back
from node_scripts.records import Event, RequestRecord

JUMP_S = 2.0
"""A difference between the clocks from which it is told as a jump."""
FRESH_S = 30.0
"""Older requests say nothing of now: they count into minutes, not into alerts."""

_LOG = logging.getLogger("garnet.monitor")


class Monitor:
    """Samples, seals, tells. Used from one thread."""

    def __init__(self, parts: Parts, settings: MonitorSettings) -> None:
        """Go on from what the spool remembers. Raises SpoolError."""
        self.parts = parts
        self.settings = settings
        self.settings_error = ""
        config = settings.config
        state = parts.keeper.spool.state()
        self._inputs = Inputs(parts.paths, parts.keeper.spool.positions())
        self._memory = memory_of(state)
        self._counted = self._memory
        self._has_baseline = COUNTED_KEY in state
        self._window = Window()
        self._sample: Sample | None = None
        self._since_s = parts.clock.monotonic()
        self._fresh: list[RequestRecord] = []
        self._raising = Raising()
        self._evictions = EvictionsTold()
        self._event_positions: dict[str, int] = {}
        self._sensing = Sensing()
        self._peer_offsets: list[float] = []
        self._waiting = (0, 0)
        self._was_failing = ""
        self.ledger = Ledger(
            config.fleet, config.node, parts.release, config.minute_s, parts.keeper.is_sealed
        )
        self._begin(state)

    def peer_offsets(self) -> list[float]:
        """Return the peers' clocks minus this one, in seconds, as of the last look."""
        return list(self._peer_offsets)

    # --- begin and end ----------------------------------------------------------------------

    def _tell(self) -> own_events.Teller:
        config = self.settings.config
        return own_events.teller(config.fleet, config.node, self.parts.clock.wall())

    def _begin(self, state: dict[str, bytes]) -> None:
        now = self.parts.clock.wall()
        self.ledger.begin(now)
        self._life = Life(since_unix=now, seen_unix=now, stopped=False)
        before = decoded(state.get(LIFE_KEY), Life)
        tell = self._tell()
        events = []
        if before is not None and not before.stopped:
            gap_s = round(now - before.seen_unix, 1)
            events.append(own_events.monitor_note(tell, "died", last_seen_unix=before.seen_unix, gap_s=gap_s))
        events.append(own_events.monitor_note(tell, "started", release=self.parts.release, pid=os.getpid()))
        self._store(Sealing(events=events, state={LIFE_KEY: msgspec.json.encode(self._life)}))

    def end(self, ship_s: float = 5.0) -> None:
        """Seal what there is, ship once, and end what runs beside."""
        now = self.parts.clock.wall()
        self._read_requests(now)
        self._life = replace(self._life, seen_unix=now, stopped=True)
        open_unix = self.ledger.open_unix
        self.seal([own_events.monitor_note(self._tell(), "stopped")])
        if self.ledger.open_unix != open_unix:
            self.seal()  # the minute that has begun meanwhile
        if self.parts.shipping is not None:
            self.parts.shipping.stop(ship_s)
        self.parts.alerting.close()
        self.parts.sensors.close()
        self._sensing.close()
        self.parts.keeper.spool.close()

    # --- looks ------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Say whether the open minute is to be sealed."""
        return self.ledger.is_due(self.parts.clock.wall())

    def step(self) -> Sample:
        """Take one look."""
        clock, interval_s = self.parts.clock, self.settings.config.sample_s
        now, now_s = clock.wall(), clock.monotonic()
        before = self._sample
        gap_s = 0.0 if before is None else now_s - before.monotonic_s
        self._sensing.begin(self.parts.sensors, now_s)
        self._read_requests(now)
        events = self._read_events()
        status = self.parts.proxy.status()
        models = observe(status, self._memory) if status is not None else {}
        sensors = self._sensing.end()
        tell = self._tell()
        own = self._own_events(status, models, tell)
        if before is not None:
            jump_s = (now - before.time_unix) - gap_s
            if abs(jump_s) > JUMP_S:
                own.append(own_events.clock_jumped(tell, jump_s))
        tallies = tally(self._fresh)
        shipping = self.parts.shipping
        sample = Sample(
            time_unix=now,
            monotonic_s=now_s,
            dt_s=min(gap_s, 2 * interval_s),
            missed=max(0, round(gap_s / interval_s) - 1) if gap_s > 1.5 * interval_s else 0,
            sensors=sensors,
            proxy_up=status is not None,
            models=models,
            peers={peer.name: peer.reachable for peer in status.peers} if status else {},
            peers_raised=raised_by_peers(status),
            latency_ms={name: one.latency_ms for name, one in tallies.items()},
            completion_tokens={name: one.completion_tokens for name, one in tallies.items()},
            spool_minutes=self._waiting[0],
            store_unreachable_s=shipping.unreachable_s(now_s) if shipping else 0.0,
            taken_back=read_taken_back(self.parts.paths.trial_file, now),
            events=[*events, *own],
        )
        self._fresh = []
        alerts = self.parts.alerting.step(sample)
        self._count(sample, before, status)
        self._window.add(sample, tallies)
        self._sample = sample
        if status is not None:
            raised = self.parts.alerting.raised_nodes()
            self._raising.tell(raised, status.pid, now_s, self.parts.proxy.raise_nodes)
        self._save([*events, *own, *alerts])
        self._write_live(sample)
        return sample

    def _read_requests(self, now: float) -> None:
        try:
            entries: list[Entry] = self._inputs.requests()
        except OSError as error:
            _LOG.error("the request journal cannot be read: %s", error.strerror)
            return
        self.ledger.take(entries)
        self._fresh += [
            entry.record
            for entry in entries
            if entry.record is not None and abs(now - entry.record.end_unix) < FRESH_S
        ]
        self.ledger.count_records(now)

    def _read_events(self) -> list[Event]:
        try:
            found = self._inputs.events()
        except OSError as error:
            _LOG.error("the event journal cannot be read: %s", error.strerror)
            return []
        self._event_positions = found.positions
        if found.corrupt:
            self.ledger.count(corrupt_lines=found.corrupt)
        return found.events

    def _own_events(
        self, status: ProxyStatus | None, models: dict[str, ModelSample], tell: own_events.Teller
    ) -> list[Event]:
        keeper, shipping = self.parts.keeper, self.parts.shipping
        events = [own_events.spool_damaged(tell, damage) for damage in keeper.damages]
        lost = sum(damage.lost or 0 for damage in keeper.damages)
        keeper.damages.clear()
        counts = shipping.take_counts() if shipping else {}
        garbled = counts.pop("garbled", 0)
        if garbled:
            events.append(own_events.spool_note(tell, "unreadable", minutes=garbled))
        if keeper.dropped:
            events.append(own_events.spool_note(tell, "dropped", minutes=keeper.dropped))
        if keeper.events_dropped:
            events.append(own_events.spool_note(tell, "dropped", events=keeper.events_dropped))
        if bool(keeper.failing) != bool(self._was_failing):
            action = "cannot be written" if keeper.failing else "written again"
            events.append(own_events.spool_note(tell, action, why=keeper.failing or self._was_failing))
        self._was_failing = keeper.failing
        self.ledger.count(dropped_minutes=lost + garbled + keeper.dropped, **counts)
        keeper.dropped = keeper.events_dropped = 0
        if status is None:
            return events
        events += own_events.restarts(tell, status, models, self._memory)
        config = self.settings.config
        events += self._evictions.take(own_events.maker(config.fleet, config.node), models)
        self._peer_offsets = [peer.clock_offset_s for peer in status.peers if peer.clock_offset_s is not None]
        self.ledger.count(unrecorded_requests=unrecorded_since(status, self._memory))
        return events

    def _count(self, sample: Sample, before: Sample | None, status: ProxyStatus | None) -> None:
        in_open = self.ledger.add_sample(sample, before, self._memory.models or None)
        if status is not None:
            self._memory = remember(status, sample.models, self._memory)
        if in_open:
            self._counted = self._memory

    # --- what lasts -------------------------------------------------------------------------

    def _save(self, events: list[Event]) -> None:
        # From its first look on counters are counted, also by the monitor after this one.
        begins = bool(self._memory.models) and not self._has_baseline
        if events or begins or self.parts.keeper.failing:
            state = {SEEN_KEY: msgspec.json.encode(self._memory), **self.parts.alerting.state()}
            if begins:
                state[COUNTED_KEY] = msgspec.json.encode(Memory(models=self._memory.models))
                self._has_baseline = True
            self._store(Sealing(events=events, positions={EVENTS: self._event_positions}, state=state))
        self._waiting = self._looked_at() or self._waiting

    def _looked_at(self) -> tuple[int, int] | None:
        shipping = self.parts.shipping
        if shipping is not None and shipping.corrupt:
            self.parts.keeper.replace(shipping.corrupt)
            shipping.use(self.parts.keeper.spool)
        return self.parts.keeper.waiting()

    def _store(self, sealing: Sealing) -> bool:
        keeper = self.parts.keeper
        keeper.add(sealing)
        stored = keeper.store()
        if self.parts.shipping is not None and self.parts.shipping.spool is not keeper.spool:
            self.parts.shipping.use(keeper.spool)
        return stored

    def seal(self, events: list[Event] | None = None) -> None:
        """Seal the open minute, and past ones that the journal told of, and open the minute of now."""
        now = self.parts.clock.wall()
        self._read_requests(now)
        rest = self._evictions.close(self._tell())
        minutes, positions = self.ledger.close(now)
        if not self._life.stopped:
            self._life = replace(self._life, seen_unix=now)
        state = {
            COUNTED_KEY: msgspec.json.encode(self._counted),
            SEEN_KEY: msgspec.json.encode(self._memory),
            LIFE_KEY: msgspec.json.encode(self._life),
            **self.parts.alerting.state(),
        }
        sealing = Sealing(
            minutes=minutes,
            events=[*rest, *(events or [])],
            positions={REQUESTS: positions, EVENTS: self._event_positions},
            state=state,
        )
        self._counted = self._memory
        if self._store(sealing):
            self._forget_journals()
            if self.parts.shipping is not None:
                self.parts.shipping.wake()
        self.ledger.count_records(now)

    def _forget_journals(self) -> None:
        try:
            stored = self.parts.keeper.positions()
            gone = self._inputs.remove_stored(stored)
        except OSError as error:
            _LOG.error("journals are not removed: %s", error.strerror)
            return
        for journal, names in gone.items():
            if journal == REQUESTS:
                for name in names:
                    self.ledger.positions.pop(name, None)
        if gone:
            self.parts.keeper.add(Sealing(gone=gone))

    def _write_live(self, sample: Sample) -> None:
        shipping, settings = self.parts.shipping, self.settings
        live = Live(
            time_unix=sample.time_unix,
            node=settings.config.node,
            release=self.parts.release,
            pid=os.getpid(),
            settings_digest=settings.digest,
            settings_error=self.settings_error,
            sample=shown_sample(sample),
            throttle_pct_5m=self._window.throttle_pct(),
            models=self._window.models(sample, sample.monotonic_s - self._since_s),
            alerts=self.parts.alerting.active(),
            silences_error=self.parts.alerting.silences_error,
            spool_minutes=self._waiting[0],
            spool_bytes=self._waiting[1],
            store_ok=shipping.store_ok if shipping else None,
            last_shipped_unix=shipping.last_shipped_unix if shipping else None,
            incidents_open=self.parts.alerting.open_incidents(),
        )
        try:
            write_atomically(self.parts.paths.monitor_live_file, msgspec.json.encode(live))
        except OSError as error:
            _LOG.error("%s: %s", self.parts.paths.monitor_live_file.name, error.strerror)

    # --- settings ---------------------------------------------------------------------------

    def configure(self, settings: MonitorSettings, parts: Parts) -> None:
        """Take settings that were read again, and the parts that were made anew for them."""
        before, config = self.settings.config, settings.config
        if (before.fleet, before.node, before.minute_s) != (config.fleet, config.node, config.minute_s):
            self.seal()
            self.ledger.fleet, self.ledger.node = config.fleet, config.node
            self.ledger.minute_s = config.minute_s
            self.ledger.begin(self.parts.clock.wall())
        self.settings, self.parts, self.settings_error = settings, parts, ""
