"""A Hugging Face hub on loopback, thin: one repository, its listing and its files with ranges."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40


@dataclass(slots=True)
class FakeHub:
    """What the hub holds, and what it was asked."""

    repository: str
    files: dict[str, bytes]
    large: set[str] = field(default_factory=set)
    """Names listed with a SHA-256, as the hub does for large files."""
    cut_after: int | None = None
    """Break off each download of a large file at this byte."""
    served: list[tuple[str, str]] = field(default_factory=list)
    """``(file, Range header)`` of each download."""
    endpoint: str = ""

    def listing(self) -> dict[str, Any]:
        """Return the repository as ``/api/models`` describes it."""
        siblings = []
        for name, content in self.files.items():
            sibling: dict[str, Any] = {
                "rfilename": name,
                "size": len(content),
                "blobId": git_name_of(content),
            }
            if name in self.large:
                digest = hashlib.sha256(content).hexdigest()
                sibling["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
        return {
            "_id": "1",
            "id": self.repository,
            "modelId": self.repository,
            "sha": COMMIT,
            "siblings": siblings,
        }


def git_name_of(content: bytes) -> str:
    """Return the digest by which git, and so the hub, names a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def etag_of(content: bytes) -> str:
    """Return a file's ETag."""
    return hashlib.sha256(content).hexdigest()


class HubServer(ThreadingHTTPServer):
    """A server that knows its hub."""

    daemon_threads = True
    hub: FakeHub


class Handler(BaseHTTPRequestHandler):
    """Answers for the server's self.server.hub."""

    server: HubServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        """Answer with headers only."""
        self.respond(with_body=False)

    def do_GET(self) -> None:
        """Answer in full."""
        self.respond(with_body=True)

    def respond(self, *, with_body: bool) -> None:
        """Choose by the path."""
        path = unquote(urlsplit(self.path).path)
        listing = f"/api/models/{self.server.hub.repository}/revision/"
        if path.startswith(listing):
            known = path.removeprefix(listing) in {"main", COMMIT}
            self.answer_listing(known)
            return
        name = path.removeprefix(f"/{self.server.hub.repository}/resolve/{COMMIT}/")
        if name in self.server.hub.files:
            self.answer_file(name, with_body=with_body)
        else:
            self.refuse("RepoNotFound")

    def refuse(self, code: str) -> None:
        """Answer that it is not there, with the hub's own code."""
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer_listing(self, known: bool) -> None:  # noqa: FBT001 -- a test's own handler
        """Answer with the listing of a known revision."""
        if not known:
            self.refuse("RevisionNotFound")
            return
        body = json.dumps(self.server.hub.listing()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_file(self, name: str, *, with_body: bool) -> None:
        """Answer with a file, from where its Range begins."""
        content = self.server.hub.files[name]
        asked = self.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{etag_of(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not with_body:
            return
        self.server.hub.served.append((name, asked))
        cut = self.server.hub.cut_after if name in self.server.hub.large else None
        self.wfile.write(content[start:] if cut is None else content[start:cut])
        self.close_connection = self.close_connection or cut is not None

    def log_message(self, *_arguments: Any) -> None:
        """Keep test output quiet."""


@contextmanager
def fake_hub(hub: FakeHub) -> Iterator[FakeHub]:
    """Serve ``hub`` on a free port of loopback and set its endpoint."""
    server = HubServer(("127.0.0.1", 0), Handler)
    server.hub = hub
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
