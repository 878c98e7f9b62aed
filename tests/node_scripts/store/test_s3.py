"""How an S3 store fails, against real servers."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node_scripts.store.objects import (
    Credentials,
    StoreAddress,
    StoreError,
    StoreRefusedError,
    StoreUnreachableError,
)
from node_scripts.store.s3 import S3Store
from tests.store_servers import address_of, moto_s3, rclone_s3


def test_an_existing_object_is_left_alone() -> None:
    """A server that honours conditions answers 412: False, and the first content stays."""
    with moto_s3() as (endpoint, keys, bucket):
        store = S3Store(address_of(endpoint, bucket), keys)
        assert store.put("a", b"first") is True
        assert store.put("a", b"second") is False
        assert store.get("a") == b"first"
        store.close()


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("account/cluster/f/index.html", "text/html; charset=utf-8"),
        ("weekly/2026-W47/diff.json", "application/json; charset=utf-8"),
        ("weekly/2026-W47/diff.md", "text/markdown; charset=utf-8"),
        ("monthly/2026-10/use.CSV", "text/csv; charset=utf-8"),
        ("monthly/2026-10/report.pdf", "application/pdf"),
        ("latency.png", "image/png"),
        ("094200-0.json.gz", "application/octet-stream"),
        ("minutes-1a.parquet", "application/octet-stream"),
        ("noname", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("only_new", [True, False])
def test_an_object_has_the_media_type_of_its_suffix(key: str, kind: str, *, only_new: bool) -> None:
    """A page in a bucket opens in a browser, and is not offered as a download."""
    with moto_s3() as (endpoint, keys, bucket):
        store = S3Store(address_of(endpoint, bucket), keys)
        store.put(key, b"x", only_new=only_new)
        assert store._client.head_object(Bucket=bucket, Key=key)["ContentType"] == kind
        store.close()


def test_wrong_keys_are_refused_without_being_shown(tmp_path: Path) -> None:
    """The error names the remedy, and neither of the two keys."""
    with rclone_s3(tmp_path) as (endpoint, keys, bucket):
        wrong = Credentials(keys.access_key_id, "not-the-secret")
        unknown = Credentials("unknown-access-key", keys.secret_access_key)
        for credentials in (wrong, unknown):
            store = S3Store(address_of(endpoint, bucket), credentials)
            with pytest.raises(StoreRefusedError) as caught:
                store.put("a", b"x")
            shown = f"{caught.value} {caught.value.remedy} {caught.value!r} {store!r} {credentials!r}"
            assert "key" in caught.value.remedy
            for secret in (keys.access_key_id, keys.secret_access_key, *vars_of(credentials)):
                assert secret not in shown
            store.close()


def vars_of(credentials: Credentials) -> tuple[str, str]:
    """Return the two secrets."""
    return credentials.access_key_id, credentials.secret_access_key


def test_a_missing_bucket_is_refused() -> None:
    """With the bucket's name and what to do."""
    with moto_s3() as (endpoint, keys, _):
        store = S3Store(address_of(endpoint, "elsewhere"), keys)
        with pytest.raises(StoreRefusedError, match=r"elsewhere.*NoSuchBucket") as caught:
            store.put("a", b"x")
        assert "bucket" in caught.value.remedy
        store.close()


def test_a_stopped_server_is_unreachable() -> None:
    """Nothing listens: unreachable, for each use."""
    store = S3Store(address_of("http://127.0.0.1:9", "telemetry"), Credentials("a", "b"))
    for use in (
        lambda: store.put("a", b"x"),
        lambda: store.get("a"),
        lambda: list(store.list("")),
        lambda: store.delete(["a"]),
    ):
        with pytest.raises(StoreUnreachableError, match=r"127\.0\.0\.1:9/telemetry does not answer"):
            use()
    store.close()


@contextmanager
def scripted(statuses: list[int], seen: list[str | None]) -> Iterator[str]:
    """Serve one status a PUT, in order; ``seen`` gets each one's If-None-Match."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.headers["If-None-Match"])
            status = statuses.pop(0)
            code = {409: "ConditionalRequestConflict", 501: "NotImplemented", 503: "SlowDown"}.get(status)
            body = f"<Error><Code>{code}</Code></Error>".encode() if code else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_without_conditions_is_asked_without() -> None:
    """501 is not an answer to the object: it is put unconditionally, now and from then on."""
    seen: list[str | None] = []
    with scripted([501, 200, 200], seen) as endpoint:
        store = S3Store(address_of(endpoint, "b"), Credentials("a", "b"))
        assert store.put("a", b"x") is True
        assert store.put("b", b"x") is True
        store.close()
    assert seen == ["*", None, None]


@pytest.mark.parametrize("status", [409, 503])
def test_a_server_that_cannot_now_is_unreachable(status: int) -> None:
    """A conflict with the same put, and a server that is overloaded, are worth another try later."""
    with scripted([status] * 5, []) as endpoint:
        store = S3Store(address_of(endpoint, "b"), Credentials("a", "b"))
        with pytest.raises(StoreUnreachableError, match=str(status)):
            store.put("a", b"x")
        store.close()


def test_bad_settings_are_refused() -> None:
    """An endpoint that is no URL."""
    with pytest.raises(StoreError):
        S3Store(StoreAddress("s3://bucket", endpoint="not a url"), None)
