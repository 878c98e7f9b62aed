"""Read what a node's proxy noted of its requests."""

from __future__ import annotations

import msgspec

from node_scripts.records import RequestRecord
from tests.node_scripts.proxy.rig import RigNode, until


def records_of(one: RigNode) -> list[RequestRecord]:
    """Return the lines of a node's request journal, in the order in which the requests ended."""
    return [
        msgspec.json.decode(line, type=RequestRecord)
        for path in sorted(one.paths.request_journal.iterdir())
        for line in path.read_bytes().splitlines()
    ]


async def next_record(one: RigNode, after: int) -> RequestRecord:
    """Wait for the only record that follows the first ``after`` ones."""
    await until(lambda: len(records_of(one)) > after, "the request is recorded")
    (record,) = records_of(one)[after:]
    return record
