"""The monitor's side of alerts and incidents: steps them, delivers from a thread, keeps their state."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from node_scripts.decoding import decode
from node_scripts.monitor import own_events
from node_scripts.monitor.alerts.engine import AlertEngine
from node_scripts.monitor.alerts.messages import Message
from node_scripts.monitor.alerts.silences import SilenceFile
from node_scripts.monitor.alerts.state import ActiveAlert, AlertState
from node_scripts.monitor.config import MonitorConfig
from node_scripts.monitor.incidents import IncidentBook, IncidentState
from node_scripts.monitor.sample import Sample
from node_scripts.records import Event

ALERTS_KEY = "alerts"
INCIDENTS_KEY = "incidents"

_Made = TypeVar("_Made")
_State = TypeVar("_State")
Deliver = Callable[[Message, Sequence[str]], bool]

_LOG = logging.getLogger("garnet.monitor.alerts")


class Alerting:
    """Alerts and incidents of one node."""

    def __init__(
        self,
        config: MonitorConfig,
        secrets: Mapping[str, str],
        silences: Path,
        state: Mapping[str, bytes],
        deliver: Deliver | None = None,
    ) -> None:
        """Go on from ``state``, or anew where it cannot be read. ``deliver`` is apprise's by default."""
        self._engine = _revived(lambda found: AlertEngine(config, found), state.get(ALERTS_KEY), AlertState)
        self._book = _revived(
            lambda found: IncidentBook(config, found), state.get(INCIDENTS_KEY), IncidentState
        )
        self._silences = SilenceFile(silences)
        self.silences_error = ""
        """Why the silences file is not in force; empty while it is."""
        self._config = config
        self._secrets = secrets
        self._deliver = deliver or _apprise
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[tuple[Message, bool]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def configure(self, config: MonitorConfig, secrets: Mapping[str, str]) -> None:
        """Take settings that were read again."""
        self._config = config
        self._engine.configure(config)
        self._book = IncidentBook(config, self._book.state())
        self._secrets = secrets

    def step(self, sample: Sample) -> list[Event]:
        """Take in a sample and how deliveries ended; begin those that are due; return new events."""
        while not self._outcomes.empty():
            self._engine.delivered(*self._outcomes.get())
        noted = self._read_silences(sample.time_unix)
        events = self._engine.step(sample)
        for message in self._engine.due(sample.time_unix):
            self._send(message)
        return noted + events + self._book.step(sample.time_unix, sample.dt_s, [*sample.events, *events])

    def _read_silences(self, time_unix: float) -> list[Event]:
        """Put the file's silences in force; note once that it is damaged, and that it is whole again."""
        self._engine.set_silences(self._silences.current())
        before, self.silences_error = self.silences_error, self._silences.error
        if bool(before) == bool(self.silences_error):
            return []
        if self.silences_error:
            _LOG.error("nothing is silenced: %s", self.silences_error)
        tell = own_events.teller(self._config.fleet, self._config.node, time_unix)
        action = "cannot be read" if self.silences_error else "read again"
        return [own_events.silences_note(tell, action, self.silences_error or before)]

    def active(self) -> list[ActiveAlert]:
        """Return the alerts that fire now."""
        return self._engine.active()

    def raised_nodes(self) -> list[str]:
        """Return the nodes for which peers need not speak."""
        return self._engine.raised_nodes()

    def open_incidents(self) -> list[str]:
        """Return the identifiers of the incidents that go on."""
        return self._book.open_ids()

    def state(self) -> dict[str, bytes]:
        """Return what the next monitor goes on from."""
        return {
            ALERTS_KEY: msgspec.json.encode(self._engine.state()),
            INCIDENTS_KEY: msgspec.json.encode(self._book.state()),
        }

    def _send(self, message: Message) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
            self._thread.start()
        self._messages.put(message)

    def _run(self) -> None:
        while (message := self._messages.get()) is not None:
            self._outcomes.put((message, self._try(message)))

    def _try(self, message: Message) -> bool:
        from node_scripts.monitor.alerts.delivery import urls_of  # noqa: PLC0415 -- loads thread pools

        try:
            return self._deliver(message, urls_of(message.route, self._secrets))
        except Exception as error:  # noqa: BLE001 -- a service's fault must not end all further delivery
            _LOG.error("a message was not delivered: %s", type(error).__name__)
            return False

    def close(self, wait_s: float = 2.0) -> None:
        """End the delivery, waiting briefly for what is under way."""
        if self._thread is not None:
            self._messages.put(None)
            self._thread.join(wait_s)
        while not self._outcomes.empty():
            self._engine.delivered(*self._outcomes.get())


def _apprise(message: Message, urls: Sequence[str]) -> bool:
    from node_scripts.monitor.alerts.delivery import deliver  # noqa: PLC0415 -- apprise is large

    return deliver(message, urls)


def _revived(make: Callable[[_State | None], _Made], content: bytes | None, kind: type[_State]) -> _Made:
    if content is not None:
        try:
            return make(decode(content, kind))
        except (msgspec.MsgspecError, ValueError) as error:
            _LOG.error("the state of %s is begun anew: %s", kind.__name__, error)
    return make(None)
