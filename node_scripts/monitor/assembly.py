"""Puts a node's monitor together from its files, and again when they change."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from node_scripts.monitor.alerting import Alerting
from node_scripts.monitor.config import MonitorConfig
from node_scripts.monitor.keeper import Keeper
from node_scripts.monitor.monitor import Monitor
from node_scripts.monitor.parts import Parts, SensorReader
from node_scripts.monitor.proxy_client import ProxyClient
from node_scripts.monitor.settings import MonitorSettings, MonitorSettingsError, load_settings
from node_scripts.monitor.shipper import Shipping
from node_scripts.paths import NodePaths, release_of
from node_scripts.store.objects import ObjectStore
from node_scripts.store.open import open_object_store

RELEASE = release_of(Path(__file__).resolve())
"""Read once: the link that the monitor was started through may point elsewhere later."""

_LOG = logging.getLogger("garnet.monitor")


class Assembly:
    """One running monitor and what it was made of."""

    def __init__(self, paths: NodePaths) -> None:
        """Read the settings and start. Raises MonitorSettingsError, SpoolError, OSError."""
        self._paths = paths
        settings = load_settings(paths)
        config = settings.config
        keeper = Keeper(paths.spool_file, config.spool_limit_bytes, time.time)
        state = keeper.spool.state()
        parts = Parts(
            paths=paths,
            release=RELEASE,
            keeper=keeper,
            shipping=self._shipping(keeper, settings),
            proxy=ProxyClient(paths.control_socket),
            sensors=self._sensors(config),
            alerting=Alerting(config, settings.secrets, paths.state / "silences.json", state),
        )
        self.monitor = Monitor(parts, settings)

    def _offsets(self) -> list[float]:
        return self.monitor.peer_offsets()

    def _sensors(self, config: MonitorConfig) -> SensorReader:
        from node_scripts.monitor.sensors import choose_sensors  # noqa: PLC0415 -- the node's own tools

        return choose_sensors(config, self._paths.root, self._offsets)

    @staticmethod
    def _shipping(keeper: Keeper, settings: MonitorSettings) -> Shipping | None:
        if settings.config.store is None:
            return None
        shipping = Shipping(keeper.spool, _opener(settings))
        shipping.start()
        shipping.wake()
        return shipping

    def reload(self) -> None:
        """Read the settings again; what is wrong with them leaves those in force, and is shown."""
        monitor = self.monitor
        try:
            settings = load_settings(self._paths)
        except MonitorSettingsError as error:
            monitor.settings_error = str(error)
            _LOG.error("the settings are not taken: %s", error)
            return
        before, config, parts = monitor.settings.config, settings.config, monitor.parts
        if _for_sensors(before) != _for_sensors(config):
            parts.sensors.close()
            parts = replace(parts, sensors=self._sensors(config))
        shipping = parts.shipping
        if shipping is None:
            parts = replace(parts, shipping=self._shipping(parts.keeper, settings))
        elif config.store is None:
            shipping.stop(0.0)
            parts = replace(parts, shipping=None)
        else:
            shipping.use_store(_opener(settings))
        parts.alerting.configure(config, settings.secrets)
        parts.keeper.configure(config.spool_limit_bytes)
        monitor.configure(settings, parts)
        _LOG.info("the settings were read again")


def _for_sensors(config: MonitorConfig) -> tuple[str | None, str | None, float]:
    return config.power_meter, config.clock_server, config.sample_s


def _opener(settings: MonitorSettings) -> Callable[[], ObjectStore]:
    address = settings.config.store
    if address is None:
        raise MonitorSettingsError("no store is configured")
    return lambda: open_object_store(address, settings.credentials)
