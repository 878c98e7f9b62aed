"""``python -m node_scripts.proxy --root ROOT``: run this node's proxy."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import resource
import sys
import time
from pathlib import Path

import uvloop

from node_scripts.paths import NodePaths
from node_scripts.proxy.listeners import AnotherProxyError
from node_scripts.proxy.node import RELEASE
from node_scripts.proxy.retirement import is_retired, wait_to_be_removed
from node_scripts.proxy.server import Server, ServerOptions
from node_scripts.proxy.settings import SettingsError

OPEN_FILES = 10240
"""macOS refuses a soft limit above its OPEN_MAX."""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="node_scripts.proxy", description="The proxy of one Garnet node.")
    parser.add_argument("--root", type=Path, required=True, help="the node's folder")
    parser.add_argument("--environment-folder", type=Path, help="where environments lie, if not in the root")
    parser.add_argument("--drain", type=float, default=20.0, metavar="SECONDS", help="longest drain (20)")
    parser.add_argument(
        "--handover-drain",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="longest drain after a new proxy took the sockets over (600)",
    )
    parser.add_argument(
        "--no-handover",
        dest="handover",
        action="store_false",
        help="do not take the sockets over from a proxy that runs already; fail instead",
    )
    return parser.parse_args(arguments)


def log_to_stderr() -> None:
    """Log plain lines in UTC; uvicorn only when something is wrong."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def allow_many_connections() -> None:
    """Raise the soft limit on open files: launchd starts processes with 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve(paths: NodePaths, options: ServerOptions) -> None:
    """Run one proxy to its end."""
    server = Server(paths, options)
    await server.start()
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at in each collection
    await server.run()


def main() -> int:
    """Run; return the exit status."""
    arguments = parse_arguments()
    log_to_stderr()
    allow_many_connections()
    paths = NodePaths.at(arguments.root.resolve(), arguments.environment_folder)
    paths.make()
    if is_retired(paths, RELEASE):
        logging.getLogger("garnet.proxy").info("release %s is not current: waiting to be removed", RELEASE)
        wait_to_be_removed()
        return 0
    options = ServerOptions(
        drain_s=arguments.drain, handover_drain_s=arguments.handover_drain, handover=arguments.handover
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(paths, options))
    except (SettingsError, AnotherProxyError, OSError) as error:
        logging.getLogger("garnet.proxy").error("%s", error)  # noqa: TRY400 -- one line for the operator
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
