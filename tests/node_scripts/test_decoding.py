"""Threads that meet a type for the first time at one moment do not end the process."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

MANY_THREADS = """
import sys, threading
from dataclasses import field, make_dataclass
from node_scripts.decoding import convert

sys.setswitchinterval(1e-6)
inner = {f"i{n}": {f"f{m}": m for m in range(20)} for n in range(15)}
for _ in range(8):
    parts = [
        (name, make_dataclass(name, [(one, int | None, None) for one in fields], kw_only=True), None)
        for name, fields in inner.items()
    ]
    kind = make_dataclass("Outer", parts, kw_only=True)
    barrier, found = threading.Barrier(4), []

    def meet():
        barrier.wait()
        found.append(convert(inner, kind))

    threads = [threading.Thread(target=meet) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(one == found[0] for one in found)
"""


def test_many_threads_may_meet_a_type_at_one_moment() -> None:
    """With msgspec alone more than every second of these rounds ends in a segmentation fault."""
    done = subprocess.run(
        [sys.executable, "-c", MANY_THREADS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
