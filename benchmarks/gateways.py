"""What may stand in front of a loader: Garnet's own proxy, and the peers it is compared with.

Each is one process (nginx: one worker, haproxy: one thread), so that all have one processor core at
most; smg has no such setting.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from benchmarks.client import Load, Target, measure
from benchmarks.processes import answers, free_ports, running
from node_scripts.agent.unix_http import request_json
from node_scripts.contracts import (
    SCHEMA,
    ClientKey,
    FleetConfig,
    Keys,
    LoaderSpec,
    ModelConfig,
    ProxyConfig,
    Slot,
)
from node_scripts.paths import NodePaths

MODEL = "bench"
KEY = "gk-" + "benchmark-" * 4
CONCURRENCY = 128
"""More than any load has workers: what is measured is the way through, not the queue."""
OK = 200
SYSTEM_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin"

NGINX = """
daemon off;
worker_processes 1;
{user}
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 10000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream loader {{ server unix:{socket}; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://loader;
      proxy_http_version 1.0;
      proxy_buffering off;
      proxy_read_timeout 900s;
    }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 4096
  nbthread 1
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 900s
  timeout server 900s
frontend clients
  bind 127.0.0.1:{port} backlog 1024
  default_backend loaders
backend loaders
  server loader unix@{socket}
"""


@dataclass(frozen=True, slots=True)
class Stub:
    """A running stand-in for a loader."""

    spec: LoaderSpec
    port: int

    @property
    def target(self) -> Target:
        """Straight to it: one connection a request, as HTTP/1.0 demands."""
        return Target(name="direct", address=Path(self.spec.http_socket), keep_alive=False)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running proxy."""

    target: Target
    process: psutil.Process


@contextmanager
def stub_loader(folder: Path) -> Iterator[Stub]:
    """Run the stub below ``folder``."""
    (port,) = free_ports(1)
    spec = LoaderSpec(
        name="loader-1",
        model=MODEL,
        artifact="benchmark",
        runtime="benchmark",
        http_socket=str(folder / "loader-1.http"),
        stats_socket=str(folder / "loader-1.stats"),
    )
    command = [sys.executable, "-m", "benchmarks.stub", "--socket", spec.http_socket]
    command += ["--stats", spec.stats_socket, "--port", str(port), "--model", MODEL]
    with running(command, folder / "stub.log", lambda: answers(("127.0.0.1", port))):
        yield Stub(spec, port)


@contextmanager
def garnet(folder: Path, spec: LoaderSpec | None, *, key: str | None = None) -> Iterator[Gateway]:
    """Run a node's proxy on the root ``folder``; with ``spec``, that loader takes the traffic."""
    paths = NodePaths.at(folder)
    paths.make()
    (port,) = free_ports(1)
    models = [ModelConfig(name=MODEL, nodes=[folder.name], concurrency=CONCURRENCY, context=4096)]
    config = FleetConfig(
        schema=SCHEMA,
        fleet="benchmark",
        node=folder.name,
        peers=[],
        models=models if spec is not None else [],
        proxy=ProxyConfig(listen_host="127.0.0.1", listen_port=port),
    )
    paths.fleet_file.write_bytes(msgspec.json.encode(config))
    if key is not None:
        digest = hashlib.sha256(key.encode()).hexdigest()
        entry = ClientKey(name="benchmark", sha256=digest, created="2026-01-01T00:00:00Z")
        paths.keys_file.write_bytes(msgspec.json.encode(Keys(schema=SCHEMA, keys=[entry])))
    command = [sys.executable, "-m", "node_scripts.proxy", "--root", str(folder)]
    address = ("127.0.0.1", port)
    log = paths.log / "proxy.log"
    with running(command, log, lambda: answers(paths.control_socket) and answers(address)) as process:
        if spec is not None:
            slot = msgspec.to_builtins(Slot(model=MODEL, active=spec))
            put = f"/control/slots/{MODEL}"
            status, body = request_json(str(paths.control_socket), "PUT", put, slot, 10.0)
            if status != OK:
                raise RuntimeError(f"the proxy takes no slot: {status} {body}")
        name = "garnet" if key is None else "garnet, with a key"
        yield Gateway(Target(name=name, address=address, key=key), process)


@contextmanager
def nginx(folder: Path, stub: Stub) -> Iterator[Gateway | str]:
    """Run nginx below ``folder``; yield the reason where it cannot run."""
    folder.mkdir()
    (port,) = free_ports(1)
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    config = NGINX.format(folder=folder, socket=stub.spec.http_socket, port=port, user=user)
    arguments = ["-c", str(_written(folder / "nginx.conf", config)), "-p", str(folder)]
    with _installed("nginx", arguments, folder, port) as gateway:
        yield gateway


@contextmanager
def haproxy(folder: Path, stub: Stub) -> Iterator[Gateway | str]:
    """Run haproxy below ``folder``; yield the reason where it cannot run."""
    folder.mkdir()
    (port,) = free_ports(1)
    config = HAPROXY.format(socket=stub.spec.http_socket, port=port)
    arguments = ["-db", "-f", str(_written(folder / "haproxy.cfg", config))]
    with _installed("haproxy", arguments, folder, port) as gateway:
        yield gateway


@contextmanager
def smg(folder: Path, stub: Stub, *, wanted: bool) -> Iterator[Gateway | str]:
    """Install smg from PyPI into a folder that is thrown away, and run it; or yield why not."""
    if not wanted:
        yield "not asked for: --with-smg installs it from PyPI"
        return
    folder.mkdir()
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "smg"]
    done = subprocess.run(install, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        yield f"pip cannot install it: {done.stderr.strip().splitlines()[-1:]}"
        return
    (port, metrics) = free_ports(2)
    command = [str(folder / "bin" / "smg"), "launch", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--worker-urls", f"http://127.0.0.1:{stub.port}", "--policy", "round_robin"]
    command += ["--worker-startup-check-interval", "1", "--log-level", "warn"]
    command += ["--prometheus-port", str(metrics)]
    target = Target(name="smg", address=("127.0.0.1", port))
    with running(command, folder / "log", lambda: _completes(target)) as process:
        yield Gateway(target, process)


@contextmanager
def _installed(name: str, arguments: list[str], folder: Path, port: int) -> Iterator[Gateway | str]:
    program = shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)
    if program is None:
        yield "not installed"
        return
    target = Target(name=name, address=("127.0.0.1", port))
    with running([program, *arguments], folder / "log", lambda: answers(target.address)) as process:
        yield Gateway(target, process)


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _completes(target: Target) -> bool:
    load = Load(model=MODEL, requests=1, workers=1, tokens=1, stream=False)
    try:
        return measure(target, load).incomplete == 0
    except OSError:
        return False
