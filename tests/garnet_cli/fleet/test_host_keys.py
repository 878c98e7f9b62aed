"""The fleet's known_hosts file."""

from __future__ import annotations

from pathlib import Path

import pytest

from garnet_cli.errors import UsageError
from garnet_cli.fleet.host_keys import HostKey, add_host_keys, fingerprint, known_name, load_known_hosts

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def test_known_hosts_keep_other_lines(tmp_path: Path) -> None:
    """Replacing one host's keys leaves comments, authorities and other hosts as they are."""
    path = tmp_path / "known"
    path.write_text("# ours\n@cert-authority * ssh-ed25519 AAAA\na,b ssh-ed25519 OLD\nc ssh-ed25519 C\n")
    assert add_host_keys(path, "b", 22, [HostKey("ssh-ed25519", "NEW")])
    assert path.read_text() == (
        "# ours\n@cert-authority * ssh-ed25519 AAAA\na ssh-ed25519 OLD\nc ssh-ed25519 C\nb ssh-ed25519 NEW\n"
    )


def test_a_host_on_another_port_is_named_in_brackets() -> None:
    """As OpenSSH does."""
    assert known_name("mini-1", 22) == "mini-1"
    assert known_name("mini-1", 2222) == "[mini-1]:2222"


def test_fingerprints_read_as_opensshs() -> None:
    """GitHub publishes this key's fingerprint."""
    key = HostKey("ssh-ed25519", KEY)
    assert key.fingerprint == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    assert fingerprint(b"").startswith("SHA256:47DEQpj8")


def test_authorities_and_comments_are_passed_over(tmp_path: Path) -> None:
    """A certificate authority's line must not keep the fleet from its nodes."""
    path = tmp_path / "known"
    path.write_text(f"# ours\n@cert-authority * ssh-ed25519 {KEY}\n\n[a]:2200,b ssh-ed25519 {KEY} note\n")
    keys = load_known_hosts(path)
    assert keys.lookup("[a]:2200") is not None
    assert keys.lookup("b") is not None
    assert keys.lookup("c") is None


def test_a_line_that_is_no_key_is_named(tmp_path: Path) -> None:
    """The file and the line, not a traceback."""
    path = tmp_path / "known"
    path.write_text(f"a ssh-ed25519 {KEY}\nb ssh-ed25519 not-base64!\n")
    with pytest.raises(UsageError, match="line 2"):
        load_known_hosts(path)


def test_no_file_means_no_keys(tmp_path: Path) -> None:
    """A fleet that was never initialised knows nobody."""
    assert load_known_hosts(tmp_path / "none").lookup("a") is None
