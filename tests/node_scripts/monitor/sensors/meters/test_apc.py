"""APC's rack PDUs, asked by SNMP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyasn1.codec.ber import decoder, encoder  # type: ignore[import-untyped]
from pysnmp.proto import api
from pysnmp.proto.rfc1155 import ObjectName
from pysnmp.proto.rfc1902 import Integer32

from node_scripts.monitor.sample import Value
from node_scripts.monitor.sensors.interface import SensorError
from node_scripts.monitor.sensors.meters.address import parse_meter_address
from node_scripts.monitor.sensors.meters.apc import OUTLET_WATTS, apc_reader, parse_watts
from node_scripts.monitor.sensors.meters.choose import meter_sensor
from tests.node_scripts.monitor.sensors.servers import udp_server

COMMUNITY = "hunter2"
NO_SUCH_NAME = 2


def _pdu(watts: dict[str, int]) -> Callable[[bytes], bytes | None]:
    """Return an SNMP version 1 responder that knows these values and answers one community only."""
    version_1 = api.PROTOCOL_MODULES[api.SNMP_VERSION_1]

    def answer(packet: bytes) -> bytes | None:
        request, _ = decoder.decode(packet, asn1Spec=version_1.Message())
        if int(request[0]) != api.SNMP_VERSION_1:
            return None
        if str(version_1.apiMessage.get_community(request)) != COMMUNITY:
            return None
        reply = version_1.apiMessage.get_response(request)
        asked = version_1.apiPDU.get_varbinds(version_1.apiMessage.get_pdu(request))
        name = str(asked[0][0])
        pdu = version_1.apiMessage.get_pdu(reply)
        if name in watts:
            version_1.apiPDU.set_varbinds(pdu, [(ObjectName(name), Integer32(watts[name]))])
        else:
            version_1.apiPDU.set_varbinds(pdu, asked)
            version_1.apiPDU.set_error_status(pdu, NO_SUCH_NAME)
            version_1.apiPDU.set_error_index(pdu, 1)
        return bytes(encoder.encode(reply))

    return answer


def test_an_outlets_watts_are_read_by_version_1() -> None:
    """Twice, for nothing is left behind by the first."""
    with udp_server(_pdu({f"{OUTLET_WATTS}.7": 57, f"{OUTLET_WATTS}.8": 9})) as port:
        sensor = meter_sensor(f"apc://{COMMUNITY}@127.0.0.1:{port}/7")
        assert sensor.read(0.0).watts == Value(value=57.0, source="apc")
        assert sensor.read(5.0).watts == Value(value=57.0, source="apc")


@pytest.mark.parametrize(
    ("outlet", "said"), [(9, "noSuchName"), (8, "does it meter by outlet?"), (6, "is it this node's outlet?")]
)
def test_an_outlet_that_shows_no_watts_fails(outlet: int, said: str) -> None:
    """One that the PDU has not, one that it does not meter (-1), one with nothing on it."""
    with (
        udp_server(_pdu({f"{OUTLET_WATTS}.8": -1, f"{OUTLET_WATTS}.6": 0})) as port,
        pytest.raises(SensorError) as caught,
    ):
        meter_sensor(f"apc://{COMMUNITY}@127.0.0.1:{port}/{outlet}").read(0.0)
    assert said in str(caught.value)
    assert COMMUNITY not in str(caught.value)


def test_a_wrong_community_gets_no_answer_and_is_not_shown() -> None:
    """SNMP is silent about it."""
    with udp_server(_pdu({})) as port, pytest.raises(SensorError) as caught:
        apc_reader(parse_meter_address(f"apc://wrongword@127.0.0.1:{port}/1"), timeout_s=0.2)()
    assert "wrongword" not in str(caught.value)
    assert "apc at 127.0.0.1 outlet 1" in str(caught.value)


def test_a_host_that_has_no_address_fails_in_words() -> None:
    """Reserved names have none."""
    with pytest.raises(SensorError, match=r"pdu\.invalid"):
        apc_reader(parse_meter_address(f"apc://{COMMUNITY}@pdu.invalid/1"), timeout_s=0.2)()


@pytest.mark.parametrize(("printed", "expected"), [("57", 57.0), ("0", 0.0), ("-1", None), ("", None)])
def test_a_value_is_a_number_of_watts(printed: str, expected: float | None) -> None:
    """-1 stands for unknown."""
    assert parse_watts(printed) == expected
