"""Asks a meter over HTTP."""

from __future__ import annotations

import http.client

from node_scripts.monitor.sensors.interface import SensorError

TIMEOUT_S = 1.0
LONGEST_ANSWER = 64 * 1024
UNAUTHORISED = 401


def get(host: str, port: int, path: str, timeout_s: float = TIMEOUT_S) -> tuple[int, bytes]:
    """Return status and body; raises SensorError when the meter does not answer or wants a password."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read(LONGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise SensorError(f"the meter at {host}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if response.status == UNAUTHORISED:
        raise SensorError(f"the meter at {host} wants a password: let it be read without one")
    return response.status, body
