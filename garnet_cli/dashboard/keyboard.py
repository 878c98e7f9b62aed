"""Single keys from a terminal, without waiting for Enter."""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Keyboard:
    """Keys as they are pressed; none where the input is no terminal."""

    def __init__(self, descriptor: int | None) -> None:
        """Read from ``descriptor``; ``None`` never has a key."""
        self._descriptor = descriptor

    def wait(self, seconds: float) -> str:
        """Return what was pressed within ``seconds``, or an empty text when they are over."""
        if self._descriptor is None:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return ""
        pressed = os.read(self._descriptor, 64)
        if not pressed:
            self._descriptor = None  # the terminal is gone
        return pressed.decode(errors="replace")


@contextmanager
def keyboard(stream: TextIO) -> Iterator[Keyboard]:
    """Take single keys from ``stream`` and give the terminal back as it was."""
    if not stream.isatty():
        yield Keyboard(None)
        return
    descriptor = stream.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keyboard(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
