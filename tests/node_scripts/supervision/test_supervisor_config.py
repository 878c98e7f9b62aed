"""supervisord's files, orphans, the crontab's line."""

from __future__ import annotations

from pathlib import Path

import pytest

from node_scripts.contracts import Job
from node_scripts.supervision.crontab import Crontab
from node_scripts.supervision.interface import SupervisionError
from node_scripts.supervision.orphans import find_orphans
from node_scripts.supervision.supervisor_config import job_config, main_config


def test_the_main_file() -> None:
    """Only this user reaches the socket; every limit is set."""
    text = main_config(Path("/srv/garnet"), 65536, None)
    assert "file=/srv/garnet/run/supervisor.sock\nchmod=0600\n" in text
    assert "minfds=65536" in text
    assert "user=" not in text
    assert "files=jobs/*.conf" in text


def test_a_jobs_file_restarts_for_ever_with_a_bounded_log() -> None:
    """And stops the whole group."""
    job = Job(
        name="proxy",
        argv=["/p", "a b"],
        working_directory="/srv",
        log="/srv/log/proxy.log",
        stop_timeout_s=630,
    )
    lines = job_config(job).splitlines()
    assert "command=/usr/bin/env /p 'a b'" in lines
    for line in ("autorestart=true", "startretries=1000000000", "stopwaitsecs=630", "stopasgroup=true"):
        assert line in lines
    for line in ("killasgroup=true", "stdout_logfile_maxbytes=16MB", "stdout_logfile_backups=2"):
        assert line in lines


def test_proxies_end_before_loaders_and_the_monitor_last() -> None:
    """Supervisord ends the highest priority first; files of older releases have its default, 999."""
    found = {}
    for name in ("monitor", "loader-1", "proxy-a"):
        lines = job_config(Job(name=name, argv=["/p"], working_directory="/", log="/l")).splitlines()
        found[name] = int(next(line for line in lines if line.startswith("priority=")).partition("=")[2])
    assert found["proxy-a"] > 999
    assert found["proxy-a"] > found["loader-1"] > found["monitor"]


@pytest.mark.parametrize("root", ["/srv/100%", "/srv/a ;b", "/srv/a #b", "/srv/a\nb"])
def test_roots_that_supervisord_cannot_express_are_refused(root: str) -> None:
    """Better than a file that means something else."""
    with pytest.raises(SupervisionError, match="cannot use the path"):
        main_config(Path(root), 1024, None)


def test_names_that_would_end_a_section_are_refused() -> None:
    """A name is part of the file's syntax."""
    with pytest.raises(SupervisionError, match="cannot name a job"):
        job_config(Job(name="a]\nb", argv=["/p"], working_directory="/", log="/l"))


def test_only_exact_commands_are_orphans() -> None:
    """Another root's loader, and a person's editor on its log, are left alone."""
    listing = "  101 /e/python -m node_scripts.proxy --root /srv/a\n"
    listing += "  102 /e/python -m node_scripts.proxy --root /srv/ab\n"
    listing += "  103 vi /e/python -m node_scripts.proxy --root /srv/a\n"
    command = ["/e/python", "-m", "node_scripts.proxy", "--root", "/srv/a"]
    assert find_orphans(listing, [command]) == [101]


class Cron:
    """A crontab in memory."""

    def __init__(self, text: str | None) -> None:
        """``None``: the user has none."""
        self.text = text
        self.writes = 0

    def __call__(self, command: list[str], text: str | None) -> tuple[int, str]:
        """Answer ``-l`` and take ``-``."""
        if command[1] == "-l":
            return (1, "no crontab for ada\n") if self.text is None else (0, self.text)
        self.text = text
        self.writes += 1
        return 0, ""


def test_a_crontab_gets_one_line_and_keeps_the_others() -> None:
    """Putting twice writes once; removing leaves what was there."""
    cron = Cron("# mine\n0 3 * * * backup\n")
    crontab = Crontab("# garnet /srv/a%b", "/usr/bin/crontab", cron)
    crontab.put("@reboot /bin/sh '/srv/a%b/start'")
    crontab.put("@reboot /bin/sh '/srv/a%b/start'")
    wanted = "# mine\n0 3 * * * backup\n@reboot /bin/sh '/srv/a\\%b/start' # garnet /srv/a\\%b\n"
    assert cron.text == wanted
    assert cron.writes == 1
    assert crontab.present()
    crontab.remove()
    assert cron.text == "# mine\n0 3 * * * backup\n"
    assert not crontab.present()


def test_a_user_without_a_crontab_gets_one() -> None:
    """The first line of all."""
    cron = Cron(None)
    Crontab("# garnet /srv", "/usr/bin/crontab", cron).put("@reboot x")
    assert cron.text == "@reboot x # garnet /srv\n"


def test_a_crontab_that_cannot_be_read_is_never_written() -> None:
    """Writing would wipe it."""

    def broken(command: list[str], text: str | None) -> tuple[int, str]:
        assert command[1] == "-l"
        return 1, "crontab: permission denied"

    with pytest.raises(SupervisionError, match="permission denied"):
        Crontab("# garnet /srv", "/usr/bin/crontab", broken).put("@reboot x")


def test_a_machine_without_cron_says_so() -> None:
    """With what to do instead."""
    with pytest.raises(SupervisionError) as caught:
        Crontab("# garnet /srv", None).put("@reboot x")
    assert "no cron" in str(caught.value.remedy)
