"""The exact commands given to launchd, and what is made of its answers."""

from __future__ import annotations

import json
import os
import plistlib
import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from node_scripts.contracts import Job
from node_scripts.supervision.interface import SupervisionError
from node_scripts.supervision.launchd import Launchd
from node_scripts.supervision.launchd_files import AgentFiles, DaemonFiles
from node_scripts.supervision.launchd_plist import Account, job_from_label, job_label, job_plist, root_hash
from node_scripts.supervision.processes import Completed, run
from tests.node_scripts.supervision import fake_launchctl

ROOT = Path("/Users/ada/garnet")
ACCOUNT = Account(name="ada", identity=501, home=Path("/Users/ada"))
JOB = Job(
    name="loader-1",
    argv=["/Users/ada/garnet/envs/e/bin/python", "-m", "node_scripts.loader"],
    working_directory="/Users/ada/garnet/served/loader-1",
    log="/Users/ada/garnet/log/loader-1.log",
    environment={"PYTHONPATH": "/Users/ada/garnet/releases/r"},
    stop_timeout_s=25,
)
LABEL = f"com.garnet.rack.{root_hash(ROOT)}.loader-1"
RUNNING = "user/501/x = {\n\tactive count = 1\n\tstate = running\n\n\tpid = 4711\n\tdomain = user/501\n}\n"
MISSING = Completed(113, "Could not find service")


class Launchctl:
    """Records commands; ``print`` answers what ``prints`` says, other verbs what ``answers`` says, else 0."""

    def __init__(
        self, prints: Sequence[str | None], answers: dict[str, list[Completed]] | None = None
    ) -> None:
        """Prepare the answers; the last of ``prints`` stays."""
        self.commands: list[list[str]] = []
        self._prints = list(prints)
        self._answers = answers or {}

    def __call__(self, command: Sequence[str]) -> Completed:
        """Record and answer."""
        if command[1] == "print":
            text = self._prints.pop(0) if len(self._prints) > 1 else self._prints[0]
            return MISSING if text is None else Completed(0, text)
        self.commands.append(list(command))
        answers = self._answers.get(command[1])
        return answers.pop(0) if answers else Completed(0, "")


def launchd(tmp_path: Path, runner: Callable[[Sequence[str]], Completed]) -> Launchd:
    """Return a launchd in the user's domain, whose lists lie below ``tmp_path``."""
    files = AgentFiles(home=tmp_path, identity=501)
    files.folder.mkdir(parents=True, exist_ok=True)
    return Launchd(
        fleet="rack", root=ROOT, account=ACCOUNT, files=files, runner=runner, sleep=lambda _seconds: None
    )


def ignore(_line: str) -> None:
    """Hear nothing."""


def test_a_daemons_list_holds_all_that_a_loader_needs() -> None:
    """Each of these keys was paid for: see the facts on launchd."""
    plist = plistlib.loads(job_plist(JOB, LABEL, ACCOUNT, daemon=True))
    assert plist == {
        "Label": LABEL,
        "ProgramArguments": JOB.argv,
        "WorkingDirectory": JOB.working_directory,
        "EnvironmentVariables": {
            "HOME": "/Users/ada",
            "USER": "ada",
            "LOGNAME": "ada",
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": "/Users/ada/garnet/releases/r",
        },
        "StandardOutPath": JOB.log,
        "StandardErrorPath": JOB.log,
        "RunAtLoad": True,
        "KeepAlive": True,
        "ProcessType": "Interactive",
        "ThrottleInterval": 2,
        "ExitTimeOut": 25,
        "SoftResourceLimits": {"NumberOfFiles": 65536},
        "Umask": 0o077,
        "UserName": "ada",
    }


def test_an_agents_list_is_limited_to_the_background_session() -> None:
    """Nobody is logged in on a rack."""
    plist = plistlib.loads(job_plist(JOB, LABEL, ACCOUNT, daemon=False))
    assert plist["LimitLoadToSessionType"] == "Background"
    assert "UserName" not in plist


def test_two_roots_on_one_mac_have_different_labels() -> None:
    """A staging root never touches the other's jobs."""
    assert job_label("rack", ROOT, "proxy") != job_label("rack", Path("/Users/ada/staging"), "proxy")


def test_a_new_job_is_written_and_bootstrapped(tmp_path: Path) -> None:
    """Enable first: a label that somebody disabled would refuse."""
    launchctl = Launchctl([None])
    assert launchd(tmp_path, launchctl).ensure(JOB, ignore)
    path = tmp_path / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    assert launchctl.commands == [
        ["/bin/launchctl", "enable", f"user/501/{LABEL}"],
        ["/bin/launchctl", "bootstrap", "user/501", str(path)],
    ]
    assert path.read_bytes() == job_plist(JOB, LABEL, ACCOUNT, daemon=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_an_unchanged_running_job_is_left_alone(tmp_path: Path) -> None:
    """No command but print."""
    launchd(tmp_path, Launchctl([None])).ensure(JOB, ignore)
    launchctl = Launchctl([RUNNING])
    assert not launchd(tmp_path, launchctl).ensure(JOB, ignore)
    assert launchctl.commands == []


def test_an_unchanged_job_without_a_process_is_kicked(tmp_path: Path) -> None:
    """Without -k: nothing is there to kill."""
    launchd(tmp_path, Launchctl([None])).ensure(JOB, ignore)
    launchctl = Launchctl([RUNNING.replace("running", "spawn scheduled").replace("\tpid = 4711\n", "")])
    assert launchd(tmp_path, launchctl).ensure(JOB, ignore)
    assert launchctl.commands == [["/bin/launchctl", "kickstart", f"user/501/{LABEL}"]]


def test_a_changed_job_is_booted_out_and_awaited_before_its_bootstrap(tmp_path: Path) -> None:
    """Kickstart would start it from the list as first read."""
    launchd(tmp_path, Launchctl([None])).ensure(JOB, ignore)
    changed = Job(name="loader-1", argv=["/bin/other"], working_directory="/", log=JOB.log)
    launchctl = Launchctl([RUNNING, RUNNING, RUNNING, RUNNING, None])
    assert launchd(tmp_path, launchctl).ensure(changed, ignore)
    assert [command[1] for command in launchctl.commands] == ["bootout", "enable", "bootstrap"]


@pytest.mark.parametrize("status", [5, 37])
def test_a_busy_launchd_is_asked_again(tmp_path: Path, status: int) -> None:
    """An earlier bootout takes seconds to be through."""
    busy = Completed(status, "Bootstrap failed: busy")
    launchctl = Launchctl([None], {"bootstrap": [busy, busy]})
    assert launchd(tmp_path, launchctl).ensure(JOB, ignore)
    assert [command[1] for command in launchctl.commands] == ["enable", *["bootstrap"] * 3]


def test_another_failure_of_bootstrap_is_told(tmp_path: Path) -> None:
    """125: the domain does not exist."""
    failed = Completed(125, "Bootstrap failed: 125: Domain does not support specified action\n")
    launchctl = Launchctl([None], {"bootstrap": [failed]})
    with pytest.raises(SupervisionError, match=r"bootstrap failed with 125: .*Domain does not support"):
        launchd(tmp_path, launchctl).ensure(JOB, ignore)


def test_a_restart_kills_and_starts(tmp_path: Path) -> None:
    """The list on the disk is always the one that was read."""
    launchd(tmp_path, Launchctl([None])).ensure(JOB, ignore)
    launchctl = Launchctl([RUNNING])
    launchd(tmp_path, launchctl).restart("loader-1", ignore)
    assert launchctl.commands == [["/bin/launchctl", "kickstart", "-k", f"user/501/{LABEL}"]]


def test_a_signal_names_the_service(tmp_path: Path) -> None:
    """Launchd finds the process."""
    launchd(tmp_path, Launchctl([None])).ensure(JOB, ignore)
    launchctl = Launchctl([RUNNING])
    launchd(tmp_path, launchctl).signal("loader-1", "HUP")
    assert launchctl.commands == [["/bin/launchctl", "kill", "SIGHUP", f"user/501/{LABEL}"]]


def test_a_job_of_a_renamed_fleet_is_replaced(tmp_path: Path) -> None:
    """The same job never runs under two labels."""
    files = AgentFiles(home=tmp_path, identity=501)
    files.folder.mkdir(parents=True)
    old = files.folder / f"com.garnet.former.{root_hash(ROOT)}.loader-1.plist"
    old.write_bytes(job_plist(JOB, old.stem, ACCOUNT, daemon=False))
    launchctl = Launchctl([RUNNING, RUNNING, None])
    assert launchd(tmp_path, launchctl).ensure(JOB, ignore)
    assert launchctl.commands[0] == ["/bin/launchctl", "bootout", f"user/501/{old.stem}"]
    assert [path.stem for path in files.folder.iterdir()] == [LABEL]


def test_daemons_files_are_installed_by_root_with_a_rename() -> None:
    """Launchd refuses lists that others than root own."""
    commands: list[list[str]] = []

    def runner(command: Sequence[str]) -> Completed:
        commands.append(list(command))
        return Completed(0, "")

    files = DaemonFiles(runner=runner)
    files.write(files.folder / "a.plist", b"x")
    install, move = commands
    assert install[:9] == [
        "/usr/bin/sudo",
        "-n",
        "/usr/bin/install",
        "-o",
        "root",
        "-g",
        "wheel",
        "-m",
        "0644",
    ]
    assert install[10] == "/Library/LaunchDaemons/a.staged"
    assert move[2:] == ["/bin/mv", "-f", "/Library/LaunchDaemons/a.staged", "/Library/LaunchDaemons/a.plist"]


def test_daemons_start_at_boot_and_agents_say_why_not(tmp_path: Path) -> None:
    """The operator learns what to do."""
    with pytest.raises(SupervisionError) as caught:
        launchd(tmp_path, Launchctl([None])).start_at_boot(wanted=True, programs=None)
    assert "sudo" in str(caught.value.remedy)
    daemon = Launchd(fleet="rack", root=ROOT, account=ACCOUNT, files=DaemonFiles(), runner=Launchctl([None]))
    daemon.start_at_boot(wanted=True, programs=None)
    assert daemon.describe()["starts_at_boot"] is True


def test_a_real_process_goes_through_its_life(tmp_path: Path) -> None:
    """Ensure, change, restart, remove: with a launchctl that starts processes."""
    state = tmp_path / "state"
    root = tmp_path / "root"
    root.mkdir()
    script = Path(fake_launchctl.__file__)

    def runner(command: Sequence[str]) -> Completed:
        return run([sys.executable, str(script), str(state), *command[1:]])

    files = AgentFiles(home=tmp_path, identity=501)
    files.folder.mkdir(parents=True)
    supervisor = Launchd(
        fleet="rack", root=root, account=ACCOUNT, files=files, runner=runner, sleep=lambda _seconds: None
    )

    def job(seconds: int) -> Job:
        program = f"import time; time.sleep({seconds})"
        argv = [sys.executable, "-c", program]
        return Job(name="proxy", argv=argv, working_directory=str(root), log=str(root / "log"))

    assert supervisor.ensure(job(600), ignore)
    (first,) = supervisor.statuses()
    assert (first.name, first.state) == ("proxy", "running")
    assert not supervisor.ensure(job(600), ignore)
    assert supervisor.ensure(job(601), ignore)
    (second,) = supervisor.statuses()
    assert second.pid != first.pid
    supervisor.restart("proxy", ignore)
    (third,) = supervisor.statuses()
    assert third.pid != second.pid
    assert supervisor.remove("proxy", ignore)
    assert not supervisor.remove("proxy", ignore)
    assert supervisor.statuses() == []
    for status in (first, second, third):
        assert status.pid is not None
        wait_until_gone(status.pid)
    verbs = [json.loads(line)[0] for line in (state / "calls").read_text().splitlines()]
    assert [verb for verb in verbs if verb != "print"] == [
        *("enable", "bootstrap"),
        *("bootout", "enable", "bootstrap"),
        *("kickstart", "bootout"),
    ]


def test_all_of_a_root_end_proxies_first_and_the_monitor_last(tmp_path: Path) -> None:
    """A proxy answers what is in flight, for which its loaders must live."""
    runner = Launchctl([None])
    supervisor = launchd(tmp_path, runner)
    for name in ("loader-1", "monitor", "proxy-b", "loader-2", "proxy-a"):
        supervisor.ensure(replace(JOB, name=name), ignore)
    loaded = {f"com.garnet.rack.{root_hash(ROOT)}.{status.name}" for status in supervisor.statuses()}
    ended: list[str] = []

    def answering(command: Sequence[str]) -> Completed:
        label = command[2].rpartition("/")[2]
        if command[1] == "bootout":
            loaded.discard(label)
            ended.append(job_from_label(label))
        return Completed(0, RUNNING) if label in loaded else MISSING

    launchd(tmp_path, answering).shut_down(ignore)
    assert ended == ["proxy-a", "proxy-b", "loader-1", "loader-2", "monitor"]


def wait_until_gone(pid: int) -> None:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 10
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)
