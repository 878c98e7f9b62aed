"""APC's rack PDUs that meter by outlet, by SNMP: PowerNet-MIB rPDU2OutletMeteredStatusPower.

Version 1, which all of APC's network cards speak. Device and phase figures come in steps of 10 W and are
not asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.meters.address import MeterAddress
from node_scripts.monitor.sensors.numbers import number

OUTLET_WATTS = "1.3.6.1.4.1.318.1.1.26.9.4.3.1.7"
TIMEOUT_S = 1.0
VERSION_1 = 0


def parse_watts(printed: str) -> float | None:
    """Return the watts of an SNMP value in text; ``None`` of -1, which is the PDU's unknown."""
    watts = number(printed)
    return watts if watts is not None and watts >= 0.0 else None


def apc_reader(address: MeterAddress, timeout_s: float = TIMEOUT_S) -> Callable[[], float]:
    """Return what reads the outlet's watts."""

    def read() -> float:
        printed = asyncio.run(_ask(address, f"{OUTLET_WATTS}.{address.outlet}", timeout_s))
        watts = parse_watts(printed)
        if watts is None:
            raise SensorError(f"{address.place} shows no watts: does it meter by outlet?")
        return watts

    return read


async def _ask(address: MeterAddress, name: str, timeout_s: float) -> str:
    from pysnmp.error import PySnmpError  # noqa: PLC0415 -- 20 MB, for those who have such a PDU
    from pysnmp.hlapi.v1arch.asyncio import (  # noqa: PLC0415 -- likewise
        CommunityData,
        SnmpDispatcher,
        Udp6TransportTarget,
        UdpTransportTarget,
        get_cmd,
    )
    from pysnmp.proto.rfc1902 import Null  # noqa: PLC0415 -- likewise

    transport = Udp6TransportTarget if ":" in address.host else UdpTransportTarget
    dispatcher = SnmpDispatcher()
    try:
        target = await transport.create((address.host, address.port), timeout=timeout_s, retries=0)
        community = CommunityData(address.community, mpModel=VERSION_1)
        failure, status, _, bindings = await get_cmd(dispatcher, community, target, (name, Null("")))
    except (PySnmpError, OSError) as error:
        raise SensorError(f"{address.place}: {_without(str(error), address.community)}") from error
    finally:
        dispatcher.close()
    if failure:
        raise SensorError(f"{address.place}: {failure}")
    if status:
        raise SensorError(f"{address.place} refuses: {status.prettyPrint()}")
    return str(bindings[0][1].prettyPrint()) if bindings else ""


def _without(text: str, secret: str) -> str:
    return text.replace(secret, "…") if secret else text
