"""Named crash points: where tests pull the plug. Without the variables they cost one comparison."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

VARIABLE = "GREENROOM_CRASH_AT"
FILE_VARIABLE = "GREENROOM_CRASH_FILE"


def crash_points(environ: Mapping[str, str]) -> Callable[[str], None]:
    """A function that kills this process, as kill -9 does, at the points that were asked for.

    `GREENROOM_CRASH_AT=NAME` dies at NAME every time it is passed. `GREENROOM_CRASH_FILE=PATH` names a file of
    points, one on each line: each is struck out before it kills, so that the next life gets past it; and every point
    that is passed is added to PATH.passed, so that whoever wants to visit all of them knows which there are.
    """
    wanted, named = environ.get(VARIABLE), environ.get(FILE_VARIABLE)
    plan = CrashFile(Path(named)) if named else None

    def crash(name: str) -> None:
        if name == wanted or (plan is not None and plan.strikes_out(name)):
            os.kill(os.getpid(), signal.SIGKILL)

    return crash


class CrashFile:
    """The file of points. Replaced by rename, so that a reader never sees half of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def strikes_out(self, name: str) -> bool:
        """Note that `name` is passed; True if it was in the file, where it is no longer."""
        with self._lock:
            with self.path.with_name(f"{self.path.name}.passed").open("a") as passed:
                passed.write(f"{name}\n")
            points = self.path.read_text().split() if self.path.exists() else []
            if name not in points:
                return False
            points.remove(name)
            temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            temporary.write_text("".join(f"{p}\n" for p in points))
            temporary.replace(self.path)
            return True
