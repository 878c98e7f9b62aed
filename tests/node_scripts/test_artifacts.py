"""Manifests, ids and checks of artifacts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_scripts.artifacts import (
    ArtifactError,
    artifact_id,
    canonical,
    differences,
    hub_artifact_id,
    manifest_of,
    read_manifest,
    safe_path,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two files, a link to one elsewhere, and notes of a download."""
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "sub" / "a.txt").write_text("a")
    (tmp_path / "blob").write_text("weights")
    (tmp_path / "model" / "m.safetensors").symlink_to(tmp_path / "blob")
    (tmp_path / "model" / ".cache").mkdir()
    (tmp_path / "model" / ".cache" / "note").write_text("x")
    return tmp_path / "model"


def test_manifest_names_every_visible_file_with_its_content(folder: Path) -> None:
    """Links count as what they lead to; hidden notes and the manifest itself do not count."""
    manifest = manifest_of(folder)
    assert list(manifest) == ["config.json", "m.safetensors", "sub/a.txt"]
    assert manifest["m.safetensors"] == {"bytes": 7, "sha256": hashlib.sha256(b"weights").hexdigest()}
    write_manifest(folder, manifest)
    assert manifest_of(folder) == manifest
    assert read_manifest((folder / "MANIFEST.json").read_bytes()) == manifest


def test_id_follows_content_and_not_its_order(folder: Path) -> None:
    """The same files have the same id wherever they lie; another byte has another."""
    manifest = manifest_of(folder)
    reordered = dict(reversed(manifest.items()))
    assert (
        artifact_id(manifest)
        == artifact_id(reordered)
        == hashlib.sha256(canonical(manifest)).hexdigest()[:16]
    )
    (folder / "config.json").write_text("[]")
    assert artifact_id(manifest_of(folder)) != artifact_id(manifest)


def test_hub_id_is_known_before_anything_is_fetched() -> None:
    """It is made of repository and revision only."""
    expected = "hf-" + hashlib.sha256(b"org/name@abc").hexdigest()[:16]
    assert hub_artifact_id("org/name", "abc") == expected


def test_every_difference_is_named(folder: Path) -> None:
    """Missing, cut, changed and added files are each told; a whole folder has none."""
    manifest = manifest_of(folder)
    write_manifest(folder, manifest)
    assert differences(folder, manifest) == []
    (folder / "config.json").write_text("[]")
    (folder / "sub" / "a.txt").write_text("ab")
    (folder / "m.safetensors").unlink()
    (folder / "added.json").write_text("{}")
    assert differences(folder, manifest) == [
        "config.json has other content",
        "m.safetensors is missing",
        "sub/a.txt has 2 bytes, not 1",
        "added.json is not in the manifest",
    ]


def test_empty_folder_is_no_artifact(tmp_path: Path) -> None:
    """It has no manifest."""
    with pytest.raises(ArtifactError, match="holds no files"):
        manifest_of(tmp_path)


@pytest.mark.parametrize(
    "path", ["../a", "/a", "a/../b", "", ".", "a//b", "./a", "a/", "a\\b", "a\0", "MANIFEST.json"]
)
def test_path_that_could_leave_the_folder_is_refused(path: str) -> None:
    """A pushed manifest cannot write elsewhere on the node."""
    assert not safe_path(path)
    entry = {"bytes": 1, "sha256": "0" * 64}
    with pytest.raises(ArtifactError):
        read_manifest(json.dumps({path: entry}).encode())


@given(path=st.text(max_size=20))
def test_safe_path_stays_below_its_folder(path: str) -> None:
    """Whatever is accepted resolves below the folder it is joined to."""
    if safe_path(path):
        assert Path("/x/y").joinpath(path).is_relative_to("/x/y")
        assert ".." not in Path(path).parts


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"a": 1}', b'{"a": {"bytes": "1", "sha256": ""}}']
)
def test_broken_manifest_is_refused(content: bytes) -> None:
    """Whatever it holds, it is told as an artifact's error."""
    with pytest.raises(ArtifactError):
        read_manifest(content)
