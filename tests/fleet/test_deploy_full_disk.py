"""A disk that fills up in the middle of a deploy: no request fails, and the node goes back with space."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.deploying import (
    GRACE_S,
    LENIENT,
    MODEL,
    USUAL_S,
    WATCH,
    asked_all_the_time,
    back_by_themselves,
    good_release,
    swapped,
)
from tests.fleet.programs import release_of, slower
from tests.fleet.rack import Rack, eventually
from tests.tiny_disk import fill, needs_root, tiny_disk

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]


@pytest.fixture
def rack(tiny_model_a: Path) -> Iterator[Rack]:
    """Return two nodes that serve one model, the first one on a disk of 24 MB."""
    rack = Rack(["one", "two"])
    try:
        with tiny_disk(rack.node("one").root, "24m"), rack:
            rack.deploy = {"grace_s": GRACE_S, "hold_s": 600.0, "ratio_limit": LENIENT}
            rack.serve(MODEL, tiny_model_a)
            slower(rack, "usual", USUAL_S).garnet("up", "--yes")
            yield rack
    finally:
        shutil.rmtree(rack.folder, ignore_errors=True)


@needs_root
def test_it_says_so_serves_on_and_goes_back_once_there_is_space(rack: Rack) -> None:
    """The node cannot even note that it goes back, and tries again until it can."""
    node = rack.node("one")
    before, other = release_of(node.root), good_release(rack)
    log = rack.folder / "deploy.log"
    with asked_all_the_time(rack):
        operator = other.begin("deploy", *WATCH, log=log)
        eventually(lambda: swapped(node, "watch") or operator.poll() is not None, "the swap's watch")
        ballast = node.root / "ballast"
        fill(ballast)
        assert operator.wait(120) == 3, log.read_text()
        assert "one: no space is left on the disk; free space on the node" in log.read_text()
        assert release_of(node.root) != before
        ballast.unlink()
        back_by_themselves(rack, before)
