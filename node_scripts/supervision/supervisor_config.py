"""The text of supervisord's configuration files."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from node_scripts.contracts import Job
from node_scripts.supervision.interface import SupervisionError, check_name, stop_rank
from node_scripts.supervision.orphans import MARK

LOG_BYTES = 16 * 1024 * 1024
LOG_BACKUPS = 2
PRIORITIES = (1500, 999, 100)
"""By ``stop_rank``: supervisord ends the highest first, group by group. Its default is 999."""

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")


def main_config(root: Path, open_files: int, user: str | None) -> str:
    """Return supervisord.conf for ``root``; ``user`` is given only to a supervisord that runs as root."""
    run = root / "run"
    lines = [
        "[unix_http_server]",
        f"file={_plain(run / 'supervisor.sock')}",
        "chmod=0600",
        "",
        "[supervisord]",
        f"pidfile={_plain(run / 'supervisor.pid')}",
        f"logfile={_plain(root / 'log' / 'supervisord.log')}",
        "logfile_maxbytes=4MB",
        "logfile_backups=1",
        f"childlogdir={_plain(root / 'log')}",
        f"directory={_plain(root)}",
        "umask=077",
        f"minfds={open_files}",
        "minprocs=64",
        *([f"user={user}"] if user else []),
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[include]",
        "files=jobs/*.conf",
    ]
    return "\n".join(lines) + "\n"


def job_config(job: Job) -> str:
    """Return the file of one job. Raises SupervisionError for what supervisord cannot express."""
    settings = [f"{name}={value}" for name, value in sorted(job.environment.items())]
    lines = [
        f"[program:{check_name(job.name)}]",
        MARK + json.dumps(job.argv),
        f"command={quoted_command(['/usr/bin/env', *settings, *job.argv])}",
        f"directory={_plain(Path(job.working_directory))}",
        f"priority={PRIORITIES[stop_rank(job.name)]}",
        "autostart=true",
        "autorestart=true",
        "startsecs=1",
        "startretries=1000000000",
        f"stopwaitsecs={job.stop_timeout_s}",
        "stopsignal=TERM",
        "stopasgroup=true",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={_plain(Path(job.log))}",
        f"stdout_logfile_maxbytes={LOG_BYTES // 1024 // 1024}MB",
        f"stdout_logfile_backups={LOG_BACKUPS}",
        "umask=077",
    ]
    return "\n".join(lines) + "\n"


def read_job(name: str, text: str) -> Job:
    """Return the job whose file ``text`` is: what ``job_config`` wrote. Raises SupervisionError."""
    lines = text.split("\n")
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith((";", "[")))
    try:
        argv = json.loads(next(line for line in lines if line.startswith(MARK)).removeprefix(MARK))
        words = shlex.split(settings["command"].replace("%%", "%"))
        variables = words[1 : len(words) - len(argv)]
        return Job(
            name=name,
            argv=argv,
            working_directory=settings["directory"],
            log=settings["stdout_logfile"],
            environment=dict(word.split("=", 1) for word in variables),
            stop_timeout_s=int(settings["stopwaitsecs"]),
        )
    except (StopIteration, KeyError, ValueError) as error:
        raise SupervisionError(f"job {name}'s file is damaged: {error}", remedy="run `garnet up`") from error


def quoted_command(arguments: list[str]) -> str:
    """Quote ``arguments`` for supervisord, which splits like a shell after reading an ini value.

    The ini reader expands ``%`` and cuts a value at white space followed by ``;`` or ``#``.
    """
    for argument in arguments:
        if CONTROL_CHARACTERS.search(argument):
            raise SupervisionError(f"a job's argument holds a control character: {argument!r}")
    command = shlex.join(arguments)
    return command.replace(" ;", " '';").replace(" #", " ''#").replace("%", "%%")


def _plain(path: Path) -> str:
    text = str(path)
    if (
        CONTROL_CHARACTERS.search(text)
        or any(part in text for part in ("%", " ;", " #"))
        or text != text.strip()
    ):
        raise SupervisionError(
            f"supervisord cannot use the path {text!r}",
            remedy="choose a root without control characters, '%', ' ;' and ' #'",
        )
    return text
