"""`notifyutil -g com.apple.system.thermalpressurelevel`: the thermal pressure level, without root.

A key that nobody publishes prints 0 as well, and an unreachable notifyd prints ``Failed with code 9``;
both exit 0. The publisher is the thermal monitor of Apple's own chips, so the level counts only on
Apple silicon that is not virtual.
"""

from __future__ import annotations

from collections.abc import Mapping

from node_scripts.records import PRESSURE_LEVELS

TOOL = "/usr/bin/notifyutil"
KEY = "com.apple.system.thermalpressurelevel"
COMMAND = (TOOL, "-g", KEY)

APPLE_SILICON = "hw.optional.arm64"
VIRTUAL = "kern.hv_vmm_present"


def parse_level(output: str) -> int | None:
    """Return the level 0..4 of a reply ``<key> <level>``; ``None`` for any other reply."""
    for line in output.splitlines():
        words = line.split()
        if len(words) == len(COMMAND) - 1 and words[0] == KEY and words[1].isascii() and words[1].isdigit():
            level = int(words[1])
            return level if level < len(PRESSURE_LEVELS) else None
    return None


def why_unpublished(fields: Mapping[str, str]) -> str | None:
    """Return why nobody publishes the level on a machine of these sysctl fields, ``None`` if someone does."""
    if fields.get(VIRTUAL, "").strip() == "1":
        return "a virtual machine publishes no thermal level"
    if fields.get(APPLE_SILICON, "").strip() != "1":
        return "only Apple silicon publishes a thermal level"
    return None
