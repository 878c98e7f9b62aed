"""The monitor's two files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node_scripts.monitor.settings import MonitorSettingsError, load_settings, parse_settings
from node_scripts.paths import NodePaths

CONFIG = json.dumps({"fleet": "f", "node": "n1", "nodes": ["n1"]}).encode()


def test_reads_both_files(tmp_path: Path) -> None:
    """The digest changes with either."""
    paths = NodePaths.at(tmp_path)
    paths.make()
    paths.monitor_file.write_bytes(CONFIG)
    first = load_settings(paths)
    assert first.credentials is None
    paths.monitor_secrets_file.write_text(
        "# keys\nGARNET_STORE_ACCESS_KEY_ID=abc\nGARNET_STORE_SECRET_ACCESS_KEY=d=e\nOTHER=1\n"
        "GARNET_ROUTE_ALERTS=json://x json://y\n"
    )
    second = load_settings(paths)
    assert second.credentials is not None
    assert second.credentials.secret_access_key == "d=e"
    assert second.secrets["GARNET_ROUTE_ALERTS"] == "json://x json://y"
    assert "OTHER" not in second.secrets
    assert first.digest != second.digest
    assert "d=e" not in repr(second)
    assert "json://x" not in repr(second)


@pytest.mark.parametrize(
    ("config", "secrets", "says"),
    [
        (b"{", "", "monitor.json"),
        (CONFIG.replace(b'"n1"', b"1", 1), "", "monitor.json"),
        (CONFIG[:-1] + b',"schema":99}', "", "newer"),
        (CONFIG[:-1] + b',"minute_s":0}', "", "positive"),
        (CONFIG, "GARNET_STORE_ACCESS_KEY_ID=canary-key", "only one"),
    ],
)
def test_says_what_is_wrong_without_secrets(config: bytes, secrets: str, says: str) -> None:
    """The file and the mistake, never a value of monitor.env."""
    with pytest.raises(MonitorSettingsError, match=says) as caught:
        parse_settings(config, secrets)
    assert "canary-key" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """As the operator knows it."""
    with pytest.raises(MonitorSettingsError, match=r"monitor\.json: missing"):
        load_settings(NodePaths.at(tmp_path))
