"""One process of the working tree, behind its guard: what it says comes line by line, and it never outlives us."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from greenroom.dev import guard
from greenroom.dev.plan import Runs

LINE = 64 * 1024
LAST = 60
PATIENCE = 5.0
"""Beyond the time a process has to end: for its guard to see to the rest."""

Say = Callable[[str, str], None]
"""Who, and one line of what it says."""


class Child:
    """Runs from the start on. `ended` is called once, from another thread, with the exit code."""

    def __init__(self, runs: Runs, root: Path, say: Say, ended: Callable[[Child, int], None]) -> None:
        self.name, self.last = runs.name, deque[str](maxlen=LAST)
        self._say, self._ended, self._seconds = say, ended, runs.stop_seconds
        argv = [sys.executable, "-I", str(Path(guard.__file__)), str(runs.stop_seconds), *runs.argv]
        self._process = subprocess.Popen(
            argv,
            cwd=root,
            env=dict(runs.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C at the terminal is for us: we end it in order
        )
        self._thread = threading.Thread(target=self._read, name=runs.name, daemon=True)
        self._thread.start()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def ask_to_end(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def wait(self) -> None:
        """Until it has ended, which `ask_to_end` asked for; what does not is killed."""
        try:
            self._process.wait(self._seconds + PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join(PATIENCE)

    def _read(self) -> None:
        out = self._process.stdout
        if out is not None:
            for line in iter(lambda: out.readline(LINE), b""):
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                self.last.append(text)
                self._say(self.name, text)
            out.close()
        self._ended(self, self._process.wait())
