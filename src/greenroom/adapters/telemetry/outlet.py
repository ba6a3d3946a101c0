"""Standard output that nobody has to fear: a log that cannot be written must not end what it tells of."""

from __future__ import annotations

import os
import threading

LOST = '{{"level": "error", "event": "log.lost", "lines": {lines}, "error": "{error}"}}\n'


class Outlet:
    """Writes whole lines to a file descriptor. What a full disk or a reader that is gone does not take is left out and
    counted, and the next line that is taken is preceded by one that says how many were lost.

    As much of a file as loggers need: `write` and `flush`. Neither raises OSError.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._lost = 0
        self._why = ""
        self._is_torn = False  # the last line was written in part

    def write(self, text: str) -> int:
        with self._lock:
            if self._is_torn or self._lost:
                said = LOST.format(lines=self._lost, error=self._why) if self._lost else ""
                if not self._put(("\n" if self._is_torn else "") + said):
                    self._lost += 1
                    return len(text)
                self._is_torn, self._lost = False, 0
            if not self._put(text):
                self._lost += 1
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def _put(self, text: str) -> bool:
        """True when all of it was written."""
        data = text.encode(errors="backslashreplace")
        while data:
            try:
                written = os.write(self._descriptor, data)
            except OSError as e:
                self._why = os.strerror(e.errno or 0)
                return False
            data = data[written:]
            self._is_torn = bool(data)
        return True
