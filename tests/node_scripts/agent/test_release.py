"""Releases: unpacked safely, linked, the old ones removed."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from node_scripts.agent.context import Context
from node_scripts.agent.errors import StepError
from node_scripts.agent.payload import Payload
from node_scripts.agent.release import link_release, push_release, releases
from tests.node_scripts.agent.local_agent import context_at


def tar_of(files: dict[str, str], link: tuple[str, str] | None = None) -> bytes:
    """Return a tar with ``files`` and perhaps a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
        if link:
            entry = tarfile.TarInfo(link[0])
            entry.type, entry.linkname = tarfile.SYMTYPE, link[1]
            tar.addfile(entry)
    return buffer.getvalue()


def payload_of(data: bytes) -> Payload:
    """Return a payload that has arrived."""
    payload = Payload(len(data))
    payload._hand_over(data)
    payload._hand_over(None)
    return payload


def push(context: Context, release: str, data: bytes, sha256: str | None = None) -> dict[str, Any]:
    """Push one release."""
    context.payload = payload_of(data)
    return push_release(context, release=release, sha256=sha256 or hashlib.sha256(data).hexdigest())


def test_a_release_is_unpacked_once(tmp_path: Path) -> None:
    """Pushing it again changes nothing, and nothing but it is left."""
    context = context_at(tmp_path)
    data = tar_of({"node_scripts/a.py": "a = 1\n"})
    assert push(context, "aaaaaaaaaaaa", data) == {"already": False}
    assert push(context, "aaaaaaaaaaaa", data) == {"already": True}
    assert (tmp_path / "releases" / "aaaaaaaaaaaa" / "node_scripts" / "a.py").read_text() == "a = 1\n"
    assert [path.name for path in (tmp_path / "releases").iterdir()] == ["aaaaaaaaaaaa"]


@pytest.mark.parametrize(
    ("files", "link"),
    [({"../outside": "x"}, None), ({"a": "x"}, ("out", "/etc")), ({"a": "x"}, ("out", "../../.."))],
)
def test_a_tar_that_reaches_out_is_refused(tmp_path: Path, files: dict[str, str], link: Any) -> None:
    """Neither by name nor by link; nothing stays."""
    context = context_at(tmp_path)
    with pytest.raises(StepError, match="cannot be unpacked"):
        push(context, "aaaaaaaaaaaa", tar_of(files, link))
    assert releases(context.paths) == []
    assert list((tmp_path / "releases").iterdir()) == []


def test_a_damaged_release_is_refused(tmp_path: Path) -> None:
    """Its hash says so."""
    context = context_at(tmp_path)
    with pytest.raises(StepError) as caught:
        push(context, "aaaaaaaaaaaa", tar_of({"a": "x"}), sha256="0" * 64)
    assert caught.value.code == "damaged"


def test_linking_keeps_five_and_what_jobs_use(tmp_path: Path) -> None:
    """The oldest go, except for one that a loader still runs from."""
    context = context_at(tmp_path)
    names = [f"{number:012x}" for number in range(8)]
    jobs = tmp_path / "etc" / "supervisor" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "loader-1.conf").write_text(f"command=env PYTHONPATH={tmp_path}/releases/{names[0]} python\n")
    removed = []
    for name in names:
        push(context, name, tar_of({"a": name}))
        value = link_release(context, release=name)
        assert value["changed"]
        removed += value["removed"]
    assert removed == [names[1], names[2]]
    assert sorted(releases(context.paths)) == sorted([names[0], *names[3:]])
    assert link_release(context, release=names[7]) == {"changed": False, "removed": []}
    assert (tmp_path / "current" / "a").read_text() == names[7]


def test_a_release_that_is_not_there_cannot_be_linked(tmp_path: Path) -> None:
    """The old link stays."""
    with pytest.raises(StepError, match="not on this node"):
        link_release(context_at(tmp_path), release="bbbbbbbbbbbb")
