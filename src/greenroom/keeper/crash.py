"""Named crash points: where `GREENROOM_CRASH_AT` says so the keeper dies at once, as under `kill -9`.

Tests trip them to show that nothing is lost or started twice. In a child that was forked and has not executed
yet, a point kills the keeper that forked it and lets the child go on: the worst moment there is.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "start.recorded",  # the spec is on disk, nothing was started
    "spawn.locked",  # the birth record is locked, nothing was forked
    "child.unborn",  # forked; the child has not said its pid yet
    "child.born",  # the child said its pid and has not executed yet
    "spawn.forked",  # the keeper knows the pid; its state is not on disk
    "start.done",  # everything is on disk; the client has no answer
    "exit.seen",  # the process ended; that is not on disk
    "stop.recorded",  # the wish to stop is on disk; no signal was sent
    "stop.signalled",  # the process was told to end
    "stop.gone",  # it ended; its records are still there
)


def crash_at(point: str) -> None:
    """Die here if this is the point asked for."""
    if os.environ.get("GREENROOM_CRASH_AT") != point:
        return
    if point.startswith("child."):
        keeper = os.getppid()
        os.kill(keeper, signal.SIGKILL)
        while os.getppid() == keeper:
            pass
        return
    os.kill(os.getpid(), signal.SIGKILL)
