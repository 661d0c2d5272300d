"""What is shown while a command works: a moving line on a terminal, warnings anywhere, and nothing else."""

from __future__ import annotations

import sys
import threading
from typing import TextIO

from tare.flow.world import Reporter
from tare.report.text import megabytes


class Terminal(Reporter):
    """Draws one line on *stream* if it is a terminal; warnings are written in any case."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._draws = self._stream.isatty()
        self._lock = threading.Lock()
        self._name = ""
        self._total = 0
        self._done = 0
        self._shown = ""
        self._said: set[str] = set()

    def step(self, name: str) -> None:
        with self._lock:
            self._name, self._total, self._done = name, 0, 0
            self._draw()

    def total(self, size: int) -> None:
        with self._lock:
            self._total += size

    def advance(self, size: int) -> None:
        with self._lock:
            self._done += size
            self._draw()

    def note(self, text: str) -> None:
        self._say(f"note: {text}")

    def warn(self, text: str) -> None:
        self._say(f"warning: {text}")

    def _say(self, line: str) -> None:
        with self._lock:
            if line in self._said:
                return
            self._said.add(line)
            self._clear()
            self._stream.write(f"{line}\n")

    def close(self) -> None:
        """Remove the line."""
        with self._lock:
            self._clear()

    def _draw(self) -> None:
        if not self._draws:
            return
        text = f"{self._name} …"
        if self._total:
            text += f" {megabytes(min(self._done, self._total))} of {megabytes(self._total)}"
        elif self._done:
            text += f" {megabytes(self._done)}"
        if text != self._shown:
            self._stream.write(f"\r\x1b[2K{text}")
            self._stream.flush()
            self._shown = text

    def _clear(self) -> None:
        if self._shown:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._shown = ""
