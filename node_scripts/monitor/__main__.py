"""``python -m node_scripts.monitor --root ROOT``: run this node's monitor.

SIGTERM: seal what there is, ship once for at most five seconds, end. SIGHUP: read the settings again.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node_scripts.monitor.assembly import Assembly
from node_scripts.monitor.loop import run
from node_scripts.monitor.settings import MonitorSettingsError
from node_scripts.monitor.spool_schema import SpoolError
from node_scripts.paths import NodePaths

LOCK_NAME = "monitor.lock"

_LOG = logging.getLogger("garnet.monitor")


class AnotherMonitorError(Exception):
    """A monitor of this root runs already."""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="node_scripts.monitor", description="The monitor of one Garnet node."
    )
    parser.add_argument("--root", type=Path, required=True, help="the node's folder")
    parser.add_argument("--environment-folder", type=Path, help="where environments lie, if not in the root")
    return parser.parse_args(arguments)


def log_to_stderr() -> None:
    """Log plain lines in UTC; libraries only when something is wrong."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("garnet").setLevel(logging.INFO)
    # Their warnings may show URLs with keys in them; what fails is told by our own errors.
    for name in ("botocore", "boto3", "urllib3", "apprise"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def only_one(paths: NodePaths) -> Iterator[None]:
    """Hold this root's lock. Raises AnotherMonitorError, OSError."""
    descriptor = os.open(paths.run / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AnotherMonitorError(f"a monitor of {paths.root} runs already") from error
        yield
    finally:
        os.close(descriptor)


def monitor_until_stopped(paths: NodePaths) -> None:
    """Run one monitor to its end. Raises MonitorSettingsError, SpoolError, OSError."""
    stop, reload = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, lambda *_: reload.set())
    assembly = Assembly(paths)
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at in each collection
    _LOG.info("started")
    try:
        run(assembly.monitor, stop, reload, assembly.reload)
    finally:
        assembly.monitor.end()
    _LOG.info("stopped")


def main() -> int:
    """Run; return the exit status."""
    arguments = parse_arguments()
    log_to_stderr()
    paths = NodePaths.at(arguments.root.resolve(), arguments.environment_folder)
    paths.make()
    try:
        with only_one(paths):
            monitor_until_stopped(paths)
    except (AnotherMonitorError, MonitorSettingsError, SpoolError, OSError) as error:
        _LOG.error("%s", error)
        return 1
    # Threads that still wait for a store or a service must not hold up the end.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
