"""The GitHub action's steps, run as they are written, with an inventory that reaches nobody."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import threading
from pathlib import Path
from typing import Self

import pytest

from tests.conftest import ROOT
from tests.github.runner import Action, Runner, Step, set_up_python

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LXNlY3JldA==\n-----END OPENSSH PRIVATE KEY-----"
INVENTORY = """
[fleet]
name = "office"
[[nodes]]
name = "mini-1"
host = "127.0.0.1"
port = {port}
root = "/srv/garnet"
"""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a runner that has garnet installed: this checkout's."""
    actions: dict[str, Path | Action] = {"garnet": ROOT, "actions/setup-python": set_up_python}
    runner = Runner(tmp_path, actions)
    runner.given = {"install": {"python": str(ROOT / ".venv" / "bin" / "python")}}
    return runner


def call(runner: Runner, **given: str) -> Step:
    """Run a job whose one step uses the action with these inputs; blanks stand for their hyphens."""
    inputs = {name.replace("_", "-"): value for name, value in given.items()}
    job = {"steps": [{"id": "garnet", "uses": "garnet@1", "with": inputs}]}
    return runner.run_job({"jobs": {"job": job}}, "job")["garnet"]


def left_behind(runner: Runner) -> list[Path]:
    """Return the folders of keys that are still there."""
    return list(runner.temp.glob("garnet.*"))


def test_a_command_runs_and_its_exit_code_is_an_output(runner: Runner) -> None:
    """0 is done."""
    step = call(runner, command="--version")
    assert (step.outcome, step.outputs) == ("success", {"exit-code": "0", "outcome": "done"})
    assert runner.log.startswith("garnet ")


@pytest.mark.parametrize(
    ("command", "code", "outcome"), [("status", "2", "usage"), ("no-such", "2", "usage"), ("", "0", "done")]
)
def test_a_failed_command_fails_the_step_with_its_code(
    runner: Runner, command: str, code: str, outcome: str
) -> None:
    """The inventory is missing: a usage error, named in the log and as an annotation."""
    step = call(runner, command=command)
    assert step.outputs == {"exit-code": code, "outcome": outcome}
    assert (step.outcome == "success") == (code == "0")
    assert ("::error title=garnet::" in runner.log) == (code != "0")


def test_quotes_are_read_and_no_shell_reads_the_command(runner: Runner, tmp_path: Path) -> None:
    """What a pull request's title could smuggle in stays an argument."""
    mark = tmp_path / "mark"
    step = call(runner, command=f"chat 'two words' '$(touch {mark})' ; touch {shlex.quote(str(mark))}")
    assert step.outputs["exit-code"] == "2"
    assert not mark.exists()
    assert call(runner, command="status 'open").outputs["exit-code"] == "2"
    assert "the input `command` cannot be read: No closing quotation" in runner.log


def test_data_goes_to_the_file_and_the_rest_to_the_log(runner: Runner) -> None:
    """`--json` in a file is a document that a later step can read."""
    (runner.workspace / "fleet").mkdir()
    (runner.workspace / "fleet" / "office.toml").write_text(INVENTORY.format(port=closed_port()))
    step = call(
        runner,
        command="status --json",
        inventory="office.toml",
        working_directory="fleet",
        stdout="status.json",
        ssh_key=KEY,
    )
    assert step.outputs == {"exit-code": "4", "outcome": "unreachable"}
    (status,) = json.loads((runner.workspace / "fleet" / "status.json").read_text())
    assert status["node"] == "mini-1"
    assert "mini-1" not in runner.log or "{" not in runner.log


def test_a_wrong_key_is_named_and_removed(runner: Runner) -> None:
    """A public key pasted by mistake: one annotation, no command, nothing left."""
    (runner.workspace / "inventory.toml").write_text(INVENTORY.format(port=closed_port()))
    step = call(runner, command="status", ssh_key="ssh-ed25519 AAAAC3Nza me@here")
    assert (step.outcome, step.outputs) == ("failure", {"exit-code": "", "outcome": ""})
    assert "::error title=garnet::ssh-key holds no private key" in runner.log
    assert "AAAAC3Nza" not in runner.log
    assert left_behind(runner) == []


def test_a_cancelled_run_interrupts_garnet_and_removes_the_key(runner: Runner) -> None:
    """SIGINT to the step's process alone, as the runner sends it: garnet ends at once, as by Ctrl-C.

    Until then the key is a file that only this user can read, without the line ends of another system.
    """
    seen: list[tuple[int, int, str, str]] = []
    with Silent() as silent:
        (runner.workspace / "inventory.toml").write_text(INVENTORY.format(port=silent.port))

        def look_and_cancel() -> None:
            silent.wait_for_caller()
            (folder,) = left_behind(runner)
            key, hosts = folder / "identity", folder / "known_hosts"
            modes = [path.stat().st_mode & 0o777 for path in (folder, key)]
            seen.append((modes[0], modes[1], key.read_text(), hosts.read_text()))
            runner.cancel(signal.SIGINT)

        watch = threading.Thread(target=look_and_cancel)
        watch.start()
        step = call(runner, command="status", ssh_key=KEY.replace("\n", "\r\n"), known_hosts="# none")
        watch.join()
    assert seen == [(0o700, 0o600, f"{KEY}\n", "# none\n")]
    assert step.outputs == {"exit-code": "130", "outcome": "interrupted"}
    assert "interrupted" in runner.log
    assert "c2VjcmV0" not in runner.log
    assert left_behind(runner) == []


class Silent:
    """A port that accepts connections and says nothing."""

    def __enter__(self) -> Self:
        """Listen."""
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(30)
        self.port = self._server.getsockname()[1]
        return self

    def wait_for_caller(self) -> None:
        """Wait until somebody connects."""
        self._caller, _ = self._server.accept()

    def __exit__(self, *_: object) -> None:
        """Close everything."""
        if hasattr(self, "_caller"):
            self._caller.close()
        self._server.close()


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
