"""A power meter's address: `shelly://host[/id]`, `tasmota://host`, `apc://community@host/outlet`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

FORMS = "shelly://host[/id], tasmota://host or apc://community@host/outlet"
DEFAULT_PORTS = {"shelly": 80, "tasmota": 80, "apc": 161}


class MeterAddressError(ValueError):
    """The address is not one; the message does not repeat it, for it may hold a community."""


@dataclass(frozen=True, slots=True)
class MeterAddress:
    """Where a meter is."""

    kind: Literal["shelly", "tasmota", "apc"]
    host: str
    port: int
    outlet: int
    """Shelly's component id, the PDU's outlet (from 1); 0 of Tasmota."""
    community: str = field(default="", repr=False)
    """SNMP's password: never shown."""

    @property
    def place(self) -> str:
        """Return how people name it, without secrets."""
        outlet = f" outlet {self.outlet}" if self.kind == "apc" else ""
        return f"{self.kind} at {self.host}{outlet}"


def parse_meter_address(url: str) -> MeterAddress:
    """Return the address; raises MeterAddressError."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise MeterAddressError(f"the power meter is not of the form {FORMS}") from None
    outlet = parts.path.strip("/")
    if parts.scheme not in DEFAULT_PORTS or not host or (outlet and not outlet.isdecimal()):
        raise MeterAddressError(f"the power meter is not of the form {FORMS}")
    if parts.scheme == "apc" and (not parts.username or not outlet or int(outlet) < 1):
        raise MeterAddressError("an apc power meter is apc://community@host/outlet, outlets from 1")
    return MeterAddress(
        kind="shelly" if parts.scheme == "shelly" else "tasmota" if parts.scheme == "tasmota" else "apc",
        host=host,
        port=port or DEFAULT_PORTS[parts.scheme],
        outlet=int(outlet or 0),
        community=unquote(parts.username or "") if parts.scheme == "apc" else "",
    )
