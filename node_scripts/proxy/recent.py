"""The last completion requests of this proxy, for whoever judges a change by them.

Figures only, as in the request journal. Numbered from 1 since the proxy started, so that a reader who
comes back gets what is new; the journal itself belongs to the monitor, which removes what it has read.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

import msgspec

from node_scripts.proxy.request_note import RequestLine

KEPT_REQUESTS = 8192
"""Of all models; some 2 MiB. At 100 requests a second a reader has to come every minute."""


class RecentRequests(msgspec.Struct, kw_only=True):
    """Answer of ``GET /control/recent?after=N``."""

    pid: int
    """Of the proxy: another one numbers anew."""
    last: int
    """Number of the newest request; 0 without any."""
    requests: list[RequestLine]
    """Those after N that are still kept, oldest first."""


class Recent:
    """A ring of the last requests."""

    def __init__(self, kept: int = KEPT_REQUESTS) -> None:
        """Start empty."""
        self._lines: deque[RequestLine] = deque(maxlen=kept)
        self._last = 0

    def note(self, line: RequestLine) -> None:
        """Keep one request that has ended."""
        self._lines.append(line)
        self._last += 1

    def after(self, number: int, pid: int) -> RecentRequests:
        """Return what came after the request ``number``."""
        begin = max(0, len(self._lines) - max(0, self._last - number))
        return RecentRequests(pid=pid, last=self._last, requests=list(islice(self._lines, begin, None)))
