"""The alert engine: samples in; events, messages and the alerts that fire out.

Pure but for its memory: time and values come with samples. What it decides, and where it is stated:
rules.py (what is bad), life.py (for how long, hysteresis, flapping, unknown), speaking.py (who speaks for a
missing node). Here: who is told. A firing alert is told once, again every ``repeat_s``, and its end is told
if, and only if, its firing was. It is not told while it is silenced, while a rule that explains it fires on
the same node, or while a peer has raised it. Failed deliveries are tried again, ever less often.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from node_scripts.monitor.alerts.life import FLAP_S, advance, keep_s_of
from node_scripts.monitor.alerts.messages import Item, Message
from node_scripts.monitor.alerts.readings import HISTORY_S
from node_scripts.monitor.alerts.rule import Rule
from node_scripts.monitor.alerts.rules import NODE_MISSING, RULE_BY_NAME, RULES
from node_scripts.monitor.alerts.shown import event_of, shown, why_untold
from node_scripts.monitor.alerts.silences import Silence
from node_scripts.monitor.alerts.speaking import Hearsay, living, wait_s
from node_scripts.monitor.alerts.state import ALERTS_SCHEMA, ActiveAlert, AlertState, Entry
from node_scripts.monitor.alerts.telling import after_delivery, due_kind
from node_scripts.monitor.config import MonitorConfig
from node_scripts.monitor.sample import Sample
from node_scripts.records import Event

FIRINGS_KEPT = 8
NEVER_SEEN_S = 540.0
"""How much longer a node that was never seen may be missing: a fleet's nodes do not all come up at once."""

Key = tuple[str, str]


class AlertEngine:
    """All alerts of one node. Not for several threads at once."""

    def __init__(self, config: MonitorConfig, state: AlertState | None = None) -> None:
        """Go on from ``state``; what it holds of rules and nodes that are no more is forgotten.

        Raises ValueError for a state of a newer schema.
        """
        if state is not None and state.schema > ALERTS_SCHEMA:
            raise ValueError(f"alert state of schema {state.schema} is newer than {ALERTS_SCHEMA}")
        known = state or AlertState()
        self._config = config
        self._silences: Sequence[Silence] = ()
        self._history: deque[Sample] = deque()
        self._entries: dict[Key, Entry] = {
            (entry.rule, entry.subject): replace(entry)
            for entry in known.entries
            if entry.rule in RULE_BY_NAME and entry.node in config.nodes
        }
        self._firings = {key: list(ages) for key, ages in known.firings.items()}
        self._hearsay = Hearsay(known.heard)
        self._seen = set(known.seen)
        self._in_hand: set[Key] = set()
        self._events: list[Event] = []
        self._outcomes: list[tuple[Entry, str]] = []

    def set_silences(self, silences: Sequence[Silence]) -> None:
        """Take the silences that hold from the next sample on."""
        self._silences = silences

    def configure(self, config: MonitorConfig) -> None:
        """Take settings that were read again; alerts of nodes that are no more are forgotten."""
        self._config = config
        self._entries = {key: entry for key, entry in self._entries.items() if entry.node in config.nodes}

    def step(self, sample: Sample) -> list[Event]:
        """Take in one sample; return what fired, ended or was dropped."""
        self._events = []
        self._remember(sample)
        for entry, action in self._outcomes:
            self._note(entry, action, sample)
        self._outcomes = []
        alive = living(self._config.node, self._config.nodes, sample.peers)
        self._hearsay.hear(sample.peers_raised, alive, sample.peers)
        self._pass_time(sample.dt_s)
        history = list(self._history)
        for rule in RULES:
            values = rule.read(history, self._config.alerts) if rule.applies(self._config) else {}
            known = {subject for name, subject in self._entries if name == rule.name}
            for subject in sorted(known | self._watched(rule, values.keys())):
                self._judge(rule, subject, values.get(subject), sample, alive)
        for entry in self._entries.values():
            self._mark(entry, sample)
            explain = RULE_BY_NAME[entry.rule].explain
            entry.explained = (explain(history, entry.subject) if explain else "") or entry.explained
        self._let_go(sample)
        return self._events

    def active(self) -> list[ActiveAlert]:
        """Return what fires now, also what is silenced or inhibited, in the order of the rules."""
        firing = [entry for entry in self._entries.values() if entry.stage == "firing"]
        return [shown(entry) for rule in RULES for entry in firing if entry.rule == rule.name]

    def due(self, now_unix: float) -> list[Message]:
        """Return what is to be told now, one message a route; each item is in hand until ``delivered``."""
        items: dict[str, list[Item]] = {}
        for key, entry in self._entries.items():
            kind = due_kind(entry, self._config.alerts.repeat_s)
            if kind is not None and key not in self._in_hand:
                self._in_hand.add(key)
                alert = shown(entry)
                items.setdefault(alert.route, []).append(Item(kind=kind, alert=alert, reason=entry.reason))
        return [
            Message(
                route=route,
                time_unix=now_unix,
                fleet=self._config.fleet,
                node=self._config.node,
                items=found,
            )
            for route, found in items.items()
        ]

    def delivered(self, message: Message, ok: bool) -> None:  # noqa: FBT001 -- an outcome, not a switch
        """Take in how the delivery of a message ended; the next step has the events of it."""
        for item in message.items:
            self._in_hand.discard(item.key)
            entry = self._entries.get(item.key)
            if entry is None:
                continue
            outcome = after_delivery(entry, item.kind, ok=ok)
            if outcome:
                self._outcomes.append((replace(entry), outcome))
            if ok and item.kind == "resolved" and entry.stage == "ended":
                del self._entries[item.key]

    def raised_nodes(self) -> list[str]:
        """Return the missing nodes for which peers need not speak: raised here, and not failed to be told."""
        return sorted(
            entry.subject
            for entry in self._entries.values()
            if entry.rule == NODE_MISSING
            and entry.stage == "firing"
            and (entry.told or (not entry.failures and not entry.elsewhere))
        )

    def state(self) -> AlertState:
        """Return what a restarted monitor goes on from."""
        return AlertState(
            entries=[replace(entry) for entry in self._entries.values()],
            firings={key: list(ages) for key, ages in self._firings.items()},
            heard=self._hearsay.all(),
            seen=sorted(self._seen),
        )

    def _remember(self, sample: Sample) -> None:
        if self._history and sample.monotonic_s <= self._history[-1].monotonic_s:
            self._history.clear()  # another boot's clock
        self._history.append(sample)
        self._seen |= {name for name, reachable in sample.peers.items() if reachable}
        while self._history[0].monotonic_s <= sample.monotonic_s - HISTORY_S:
            self._history.popleft()

    def _pass_time(self, dt_s: float) -> None:
        for entry in self._entries.values():
            entry.quiet_s += dt_s
            entry.wait_s = max(0.0, entry.wait_s - dt_s)
        # The memory of flapping ages from an alert's end on, or one that is held firing would lose it.
        held = {"|".join(key) for key, entry in self._entries.items() if entry.stage == "firing"}
        aged = {
            key: ages if key in held else [age + dt_s for age in ages if age <= FLAP_S]
            for key, ages in self._firings.items()
        }
        self._firings = {key: ages for key, ages in aged.items() if ages}

    def _watched(self, rule: Rule, subjects: Any) -> set[str]:
        if rule.about != "peer":
            return set(subjects)
        return {name for name in subjects if name in self._config.nodes and name != self._config.node}

    def _judge(
        self, rule: Rule, subject: str, value: float | None, sample: Sample, alive: Sequence[str]
    ) -> None:
        key = (rule.name, subject)
        entry = self._entries.get(key)
        threshold = rule.threshold(self._config.alerts, subject)
        if entry is not None and entry.stage != "ended":
            entry.threshold = threshold
            self._advance(key, entry, rule, value, sample)
            return
        if value is None or not rule.is_bad(value, threshold):
            return
        if rule.about == "peer" and not (entry and entry.told):
            if subject in self._hearsay:
                if subject not in sample.peers_raised and alive[:1] == [self._config.node]:
                    self._take_over(key, rule, value, threshold, sample)
                return
            patience_s = wait_s(self._config.node, alive)
            if value < threshold + patience_s + (0.0 if subject in self._seen else NEVER_SEEN_S):
                return
        fresh = Entry(
            rule=rule.name,
            subject=subject,
            node=subject if rule.about == "peer" else self._config.node,
            since_unix=sample.time_unix - (value if rule.lasting else 0.0),
            threshold=threshold,
            # One whose end was not told yet is still known to fire.
            told=entry is not None and entry.told,
        )
        if entry is not None:
            fresh.quiet_s, fresh.wait_s, fresh.failures = entry.quiet_s, entry.wait_s, entry.failures
            fresh.end_noted = entry.end_noted
        self._entries[key] = fresh
        self._advance(key, fresh, rule, value, sample)

    def _advance(self, key: Key, entry: Entry, rule: Rule, value: float | None, sample: Sample) -> None:
        firings = self._firings.get("|".join(key), [])
        turn = advance(entry, rule, value, sample.dt_s, keep_s_of(rule, firings))
        if turn == "fired":
            entry.stage, entry.end_noted = "firing", False
            self._firings["|".join(key)] = [*firings, 0.0][-FIRINGS_KEPT:]
            self._note(entry, "fired", sample)
        elif turn == "ended":
            entry.stage = "ended"
        elif turn == "forgotten":
            if entry.told:
                entry.stage, entry.reason = "ended", "good again"
            else:
                del self._entries[key]

    def _take_over(self, key: Key, rule: Rule, value: float, threshold: float, sample: Sample) -> None:
        entry = Entry(
            rule=rule.name,
            subject=key[1],
            node=key[1],
            stage="firing",
            since_unix=sample.time_unix - value,
            value=value,
            threshold=threshold,
            told=True,
            adopted=True,
        )
        self._entries[key] = entry
        self._note(entry, "taken over", sample)

    def _mark(self, entry: Entry, sample: Sample) -> None:
        """Say why an entry is not told, if so."""
        covering = [
            silence for silence in self._silences if silence.covers(entry.rule, entry.node, sample.time_unix)
        ]
        entry.silenced = (covering[0].reason or "silenced") if covering else ""
        entry.elsewhere = entry.rule == NODE_MISSING and entry.subject in sample.peers_raised
        entry.inhibited = next(
            (name for name in RULE_BY_NAME[entry.rule].inhibited_by if self._fires(name, entry.node, sample)),
            "",
        )

    def _fires(self, rule: str, node: str, sample: Sample) -> bool:
        """Say whether an alert of ``rule`` about ``node`` fires, here or, for a missing node, at a peer."""
        if rule == NODE_MISSING and node in sample.peers_raised:
            return True
        return any(
            entry.rule == rule and entry.node == node and entry.stage == "firing"
            for entry in self._entries.values()
        )

    def _let_go(self, sample: Sample) -> None:
        """Drop what has ended without having been told, and hand back what was taken over."""
        alive = living(self._config.node, self._config.nodes, sample.peers)
        for key, entry in list(self._entries.items()):
            if entry.adopted and entry.elsewhere and alive[:1] != [self._config.node]:
                del self._entries[key]
                self._note(entry, "handed back", sample)
            elif entry.stage == "ended" and not entry.told and key not in self._in_hand:
                del self._entries[key]
                self._note(entry, "dropped", sample, why=why_untold(entry))
            elif entry.stage == "ended" and entry.told and not entry.end_noted:
                entry.end_noted = True
                self._note(entry, "resolved", sample)

    def _note(self, entry: Entry, action: str, sample: Sample, **more: Any) -> None:
        self._events.append(event_of(entry, action, self._config, sample.time_unix, **more))
