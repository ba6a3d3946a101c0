"""kill -9 of a process at a boundary that the code under test names."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

Reached = Callable[[str], None]


def killed_at(boundary: str, act: Callable[[Reached], object]) -> None:
    """Another process does it, with a `reached` that kills it there with -9. Fails when it never came there."""

    def reached(here: str) -> None:
        if here == boundary:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            act(reached)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, "it never came there"
