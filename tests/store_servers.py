"""Real S3 servers for tests: rclone with keys (as on premises), and moto (which honours conditions)."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node_scripts.store.objects import Credentials, StoreAddress
from tests.conftest import ROOT

RCLONE = str(ROOT / ".venv" / "bin" / "rclone")
BUCKET = "telemetry"
_LISTENS = re.compile(r"Starting s3 server on \[http://(127\.0\.0\.1:\d+)")


@contextmanager
def rclone_s3(folder: Path, port: int = 0) -> Iterator[tuple[str, Credentials, str]]:
    """Serve ``folder`` with ``rclone serve s3``: yields its endpoint, its only keys and a bucket's name.

    ``port`` 0 takes a free one; give the same again to bring a stopped store back.
    """
    (folder / BUCKET).mkdir(parents=True, exist_ok=True)
    keys = Credentials(f"garnet{folder_digits(folder)}", f"secret{folder_digits(folder)}")
    command = [RCLONE, "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--config", os.devnull]
    command += ["--vfs-cache-mode", "off"]
    environment = dict(
        os.environ,
        RCLONE_AUTH_KEY=f'"{keys.access_key_id},{keys.secret_access_key}"',
        RCLONE_LOG_LEVEL="NOTICE",
    )
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stderr is not None
    drained = None
    try:
        seen = []
        for line in process.stderr:
            seen.append(line)
            found = _LISTENS.search(line)
            if found:
                break
        else:
            raise AssertionError(f"rclone did not start: {''.join(seen)}")
        drained = threading.Thread(target=process.stderr.read)
        drained.start()
        yield f"http://{found[1]}", keys, BUCKET
    finally:
        process.kill()
        process.wait()
        if drained is not None:
            drained.join()
        process.stderr.close()


def folder_digits(folder: Path) -> str:
    """Return digits that stay the same for one folder, so that a store comes back with the same keys."""
    mark = folder / ".keys"
    if not mark.exists():
        mark.write_text(secrets.token_hex(12))
    return mark.read_text()


@contextmanager
def moto_s3() -> Iterator[tuple[str, Credentials, str]]:
    """Serve S3 from memory: yields its endpoint, keys and the name of a bucket that exists."""
    import boto3  # noqa: PLC0415 -- slow to load
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 -- likewise

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = Credentials("garnet-access", "garnet-secret")
    try:
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
        )
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield endpoint, keys, BUCKET
    finally:
        server.stop()
        assert server._server is not None
        server._server.server_close()


def address_of(endpoint: str, bucket: str, prefix: str = "") -> StoreAddress:
    """Return the address of a test's store."""
    return StoreAddress(f"s3://{bucket}/{prefix}", endpoint=endpoint, region="us-east-1")
