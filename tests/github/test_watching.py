"""The watch that tells whether a secret was an argument: without it, a test of that would prove nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.github.watching import ArgumentWatch, parts_of

SECRET = "c2VjcmV0LW9mLWEtdGVzdA"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="NO /proc: reads Linux's")


def test_a_secret_in_an_argument_is_found() -> None:
    """Of a program that lives for a fifth of a second."""
    with ArgumentWatch([SECRET]) as watch:
        subprocess.run(["bash", "-c", "sleep 0.2; true", "bash", SECRET], check=True)
    assert len(watch.found) == 1


def test_a_secret_in_the_environment_is_not_one() -> None:
    """Only its own user can read that."""
    with ArgumentWatch([SECRET]) as watch:
        subprocess.run(["bash", "-c", "sleep 0.2; true"], check=True, env={"KEY": SECRET})
    assert watch.found == set()
    assert watch.looks > 2


def test_the_parts_of_a_key_are_its_lines() -> None:
    """Its first and last line are the same in every key."""
    key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n{SECRET[::-1]}\nAA==\n-----END-----"
    assert parts_of(key) == [SECRET, SECRET[::-1]]
