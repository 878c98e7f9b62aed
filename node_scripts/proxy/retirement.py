"""A proxy of a release that is not the current one any more.

At an upgrade the new release's proxy takes the sockets over and the old one ends when it has
drained. Until the operator's side removes the old one's job, its supervisor would start it again, and
it would take the sockets back. So it waits instead to be removed.
"""

from __future__ import annotations

import signal

from node_scripts.paths import NodePaths


def is_retired(paths: NodePaths, release: str) -> bool:
    """Tell whether ``current`` names another release; a proxy that runs from none never is."""
    return bool(release) and paths.current.is_symlink() and paths.current.resolve().name != release


def wait_to_be_removed() -> None:
    """Do nothing until SIGTERM or SIGINT."""
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    signal.sigwait(ends)
