"""Reading ``launchctl print``: outputs of the shape that macOS 14 and 15 print."""

from __future__ import annotations

from node_scripts.supervision.launchd_print import parse_print

HEAD = """system/com.garnet.rack.0a1b2c3d.proxy = {
\tactive count = 1
\tpath = /Library/LaunchDaemons/com.garnet.rack.0a1b2c3d.proxy.plist
\ttype = LaunchDaemon
"""
TAIL = """
\tprogram = /Users/ada/garnet/envs/e/bin/python
\targuments = {
\t\t/Users/ada/garnet/envs/e/bin/python
\t\t-m
\t}

\tdefault environment = {
\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin
\t}

\tdomain = system
\tusername = ada
\tminimum runtime = 2
\texit timeout = 20
\truns = 3
"""
END = """
\tresource coalition = {
\t\tstate = active
\t\tactive count = 1
\t}

\tspawn type = interactive (4)
}
"""


def test_a_running_job() -> None:
    """Fields of the service, not of its coalition."""
    status = parse_print("proxy", f"{HEAD}\tstate = running\n{TAIL}\tpid = 812\n\tlast exit code = 0\n{END}")
    assert (status.state, status.pid) == ("running", 812)


def test_a_job_that_ended_by_an_error_has_failed() -> None:
    """It waits for its throttle interval."""
    status = parse_print(
        "proxy", f"{HEAD}\tstate = spawn scheduled\n{TAIL}\tlast exit code = 78: EX_CONFIG\n{END}"
    )
    assert (status.state, status.pid) == ("failed", None)
    assert "78: EX_CONFIG" in status.detail


def test_a_job_that_never_ran_is_starting() -> None:
    """Bootstrap can succeed with no process yet."""
    text = f"{HEAD}\tstate = not running\n{TAIL}\tlast exit code = (never exited)\n{END}"
    assert parse_print("proxy", text).state == "starting"


def test_a_killed_job_names_the_signal() -> None:
    """Jetsam kills show here."""
    text = f"{HEAD}\tstate = spawn scheduled\n{TAIL}\tlast terminating signal = Killed: 9\n{END}"
    status = parse_print("proxy", text)
    assert status.state == "failed"
    assert "Killed: 9" in status.detail


def test_other_output_is_unknown() -> None:
    """Never a guess."""
    assert parse_print("proxy", "").state == "unknown"
