"""The supervised jobs of a node, built from plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from garnet_cli.judge.difference import MONITOR_JOB, PROXY_JOB_PREFIX
from node_scripts.contracts import Job, LoaderSpec

MONITOR_STOP_S = 30
"""How long a monitor that is told to stop has to seal what it has and to ship it."""

PROXY_DRAIN_S = 600
"""How long a proxy that is told to stop lets its requests in flight run on."""

MOST_SEQUENCES = 1_000
"""Sequences of a prompt cache whose bytes are given."""


@dataclass(frozen=True, slots=True)
class NodeLayout:
    """Where one node keeps its files, as absolute paths on that node."""

    root: str
    environments: str

    def python(self, environment: str) -> str:
        """Return the Python of an environment."""
        return str(PurePosixPath(self.environments) / environment / "bin" / "python")

    def release(self, release: str) -> str:
        """Return the folder of a release."""
        return str(PurePosixPath(self.root) / "releases" / release)

    def log(self, job: str) -> str:
        """Return a job's log file."""
        return str(PurePosixPath(self.root) / "log" / f"{job}.log")


def proxy_job(layout: NodeLayout, release: str, environment: str) -> Job:
    """Return the proxy's job. Its name tells the release, so that two can run at a change-over."""
    name = PROXY_JOB_PREFIX + release
    return Job(
        name=name,
        argv=[
            *(layout.python(environment), "-m", "node_scripts.proxy"),
            *("--root", layout.root, "--environment-folder", layout.environments),
            *("--drain", str(PROXY_DRAIN_S)),
        ],
        working_directory=layout.root,
        log=layout.log(name),
        environment={"PYTHONPATH": layout.release(release), "PYTHONUNBUFFERED": "1"},
        stop_timeout_s=PROXY_DRAIN_S + 30,
    )


def loader_job(
    layout: NodeLayout,
    spec: LoaderSpec,
    working_directory: str,
    *,
    release: str,
    environment: str,
    context: int,
    concurrency: int,
    cache_bytes: int | None = None,
) -> Job:
    """Return the job of the loader that ``spec`` names.

    A prompt cache with bounds of its own is bounded by its bytes, not by how many sequences fill them.
    """
    cache = ["--prompt-cache-bytes", str(cache_bytes), "--prompt-cache-size", str(MOST_SEQUENCES)]
    return Job(
        name=spec.name,
        argv=[
            *(layout.python(environment), "-m", "node_scripts.loader"),
            *("--model", spec.model),
            *("--http-socket", spec.http_socket),
            *("--stats-socket", spec.stats_socket),
            *("--context", str(context)),
            *("--concurrency", str(concurrency)),
            *(cache if cache_bytes is not None else ()),
        ],
        working_directory=working_directory,
        log=layout.log(spec.name),
        environment={"PYTHONPATH": layout.release(release), "PYTHONUNBUFFERED": "1"},
    )


def monitor_job(layout: NodeLayout, release: str, environment: str) -> Job:
    """Return the monitor's job. There is one at a time: another release's takes its place."""
    return Job(
        name=MONITOR_JOB,
        argv=[
            *(layout.python(environment), "-m", "node_scripts.monitor"),
            *("--root", layout.root, "--environment-folder", layout.environments),
        ],
        working_directory=layout.root,
        log=layout.log(MONITOR_JOB),
        environment={"PYTHONPATH": layout.release(release), "PYTHONUNBUFFERED": "1"},
        stop_timeout_s=MONITOR_STOP_S,
    )
