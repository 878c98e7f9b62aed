"""A real browser for tests: Chromium, driven through ChromeDriver by the WebDriver protocol.

Source of the protocol: W3C WebDriver; ``goog/cdp/execute`` is ChromeDriver's door to Chromium's own
DevTools protocol.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
FLAGS = (
    *("--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars"),
)
MISSING = "no browser: install chromium and chromium-driver (Debian's names) to test pages"

KEYS = {"tab": "\ue004", "left": "\ue012", "right": "\ue014", "home": "\ue011", "end": "\ue010"}


@dataclass(slots=True)
class Browser:
    """One tab."""

    connection: http.client.HTTPConnection
    session: str = ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Run one command; raises AssertionError with the driver's own words."""
        self.connection.request(method, path, json.dumps(body or {}) if method == "POST" else None)
        answer = json.loads(self.connection.getresponse().read())["value"]
        assert not (isinstance(answer, dict) and "stacktrace" in answer), answer
        return answer

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Run one command of Chromium's DevTools protocol."""
        body = {"cmd": command, "params": parameters}
        return self.call("POST", f"/session/{self.session}/goog/cdp/execute", body)

    def view(self, width: int, height: int = 900, scheme: Literal["light", "dark"] = "light") -> None:
        """Give the page a size in CSS pixels and a colour scheme."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.devtools("Emulation.setEmulatedMedia", features=[feature])

    def open(self, url: str) -> None:
        """Load a page and wait for it."""
        self.call("POST", f"/session/{self.session}/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page and return its value."""
        body = {"script": script, "args": arguments}
        return self.call("POST", f"/session/{self.session}/execute/sync", body)

    def press(self, *keys: str) -> None:
        """Press and release keys, by KEYS' names."""
        strokes = [{"type": kind, "value": KEYS[key]} for key in keys for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        self.call("POST", f"/session/{self.session}/actions", {"actions": actions})

    def complaints(self) -> list[str]:
        """Return what the console heard since the last call."""
        entries = self.call("POST", f"/session/{self.session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries]

    def picture(self, *, whole: bool = False) -> bytes:
        """Return a PNG of what is seen, or of the whole page."""
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        options = {"captureBeyondViewport": True, "clip": clip} if whole else {}
        found = self.devtools("Page.captureScreenshot", format="png", **options)
        return base64.b64decode(found["data"])


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start a driver and a browser with an empty profile, and end both."""
    assert CHROMIUM, MISSING
    assert DRIVER, MISSING
    with (
        tempfile.TemporaryDirectory(prefix="garnet-browser-", ignore_cleanup_errors=True) as folder,
        (Path(folder) / "driver.log").open("w+b") as log,
    ):
        command = [DRIVER, "--port=0", "--allowed-ips=127.0.0.1"]
        driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert driver.stdout
        try:
            port = next(
                int(found[1]) for line in driver.stdout if (found := re.search(r"port (\d+)\.", line))
            )
            browser = Browser(http.client.HTTPConnection("127.0.0.1", port, timeout=60))
            # Chromium refuses its sandbox to root, as whom containers run.
            flags = [
                *FLAGS,
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                f"--user-data-dir={folder}/profile",
            ]
            wanted = {
                "goog:chromeOptions": {"binary": CHROMIUM, "args": flags},
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            started = browser.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            browser.session = started["sessionId"]
            try:
                yield browser
            finally:
                browser.call("DELETE", f"/session/{browser.session}")
                browser.connection.close()
        finally:
            driver.terminate()
            driver.wait(10)
            driver.stdout.close()
