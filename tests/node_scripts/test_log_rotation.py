"""Logs that have grown too large."""

from __future__ import annotations

from pathlib import Path

from node_scripts.log_rotation import needed, rotate, to_rotate


def test_only_logs_beyond_the_limit_are_chosen_and_old_ones_never() -> None:
    """An old log is replaced, not rotated."""
    assert to_rotate({"b.log": 11, "a.log": 12, "c.log": 10, "a.log.1": 99}, 10) == ["a.log", "b.log"]


def test_rotation_keeps_the_old_lines_and_the_open_descriptor(tmp_path: Path) -> None:
    """The job goes on writing into the same file."""
    log = tmp_path / "proxy.log"
    with log.open("ab", buffering=0) as job:
        job.write(b"old lines\n")
        assert rotate(tmp_path, 5) == ["proxy.log"]
        job.write(b"new\n")
    assert (tmp_path / "proxy.log.1").read_bytes() == b"old lines\n"
    assert log.read_bytes() == b"new\n"
    assert rotate(tmp_path, 5) == []


def test_links_are_left_alone(tmp_path: Path) -> None:
    """What lies elsewhere is not ours to truncate."""
    target = tmp_path / "elsewhere"
    target.write_bytes(b"0123456789")
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "proxy.log").symlink_to(target)
    assert rotate(folder, 5) == []
    assert target.read_bytes() == b"0123456789"


def test_rotation_is_ours_on_macos_only() -> None:
    """Elsewhere the supervisor bounds its logs."""
    assert needed("darwin")
    assert not needed("linux")
