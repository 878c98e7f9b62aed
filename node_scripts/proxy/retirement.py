"""A proxy of a release that is not the current one any more.

At an upgrade the new release's proxy takes the sockets over and the old one ends when it has
drained. Until the operator's side removes the old one's job, its supervisor would start it again, and
it would take the sockets back. So it waits instead to be removed.
"""

from __future__ import annotations

import signal

from node_scripts.paths import NodePaths

LONGEST_WAIT_S = 15.0
"""Then it ends: a supervisor that is to remove it does so, another starts it again."""


def is_retired(paths: NodePaths, release: str) -> bool:
    """Tell whether ``current`` names another release; a proxy that runs from none never is."""
    return bool(release) and paths.current.is_symlink() and paths.current.resolve().name != release


def wait_to_be_removed(longest_s: float = LONGEST_WAIT_S) -> None:
    """Do nothing until SIGTERM or SIGINT, or for ``longest_s`` seconds.

    A supervisor that stops a job in the instant between its fork and its exec loses the signal in its own
    handler, and would wait for the end of a drain that never began.
    """
    # By an alarm: macOS has no sigtimedwait.
    ends = {signal.SIGTERM, signal.SIGINT, signal.SIGALRM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    signal.setitimer(signal.ITIMER_REAL, longest_s)
    signal.sigwait(ends)
