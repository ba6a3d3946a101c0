"""What no visitor waits for takes the processor's time that visitors leave: builds, checks, dumps and copies.

They stand back from their start to their end, within their session and as a session (`keeper/ranks.py` says why both).
Nice is inherited, the rank of a session is not: each process of PostgreSQL begins one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from greenroom.keeper import procfs
from greenroom.keeper.ranks import STANDS_BACK as STANDS_BACK
from greenroom.keeper.ranks import rank

TRIES, AGAIN_SECONDS = 10, 0.1
"""Who is not root may rank a session only when nobody on the machine has for a tenth of a second, root included: where
we are root, it is root who ranks."""

FIRST_SECONDS = 0.05

NICELY = f"""
tries=0
while [ -w /proc/self/autogroup ] && [ $tries -lt {TRIES} ] && ! echo "$0" 2>/dev/null >/proc/self/autogroup
do tries=$((tries + 1)); sleep {AGAIN_SECONDS}
done 2>/dev/null
exec nice -n "$0" "$@"
"""
"""For sh(1). A kernel that does not group sessions needs no more than nice."""


def nicely(argv: Sequence[str], nice: int) -> list[str]:
    """`argv`, standing back behind other programs by `nice`. To be started in a session of its own: all of that session
    stands back."""
    return ["/bin/sh", "-c", NICELY, str(nice), *argv] if nice else list(argv)


class Standing:
    """A process that we started, and all that it starts, whatever sessions they begin: looked at again and again, less
    and less often, it stands back. For root, who needs not ask twice."""

    def __init__(self, pid: int) -> None:
        self._pid, self._began, self._next = pid, time.monotonic(), 0.0

    def look(self) -> None:
        seconds = time.monotonic() - self._began
        if seconds >= self._next:
            rank(self._pid, stands_back=True)
            self._next = max(FIRST_SECONDS, 2 * seconds)


def follow(pid: int, parent: int) -> None:
    """A child of `parent` that inherited its nice and began a session of its own stands back as a session, too. One
    that is gone, that is another's by now, or that is not for us to rank is left as it is."""
    for _ in range(TRIES):
        found = procfs.stat(pid)
        if found is None or found.parent != parent:
            return
        try:
            if (nice := os.getpriority(os.PRIO_PROCESS, pid)) > 0:
                Path(f"/proc/{pid}/autogroup").write_text(str(nice))
            return
        except BlockingIOError:
            time.sleep(AGAIN_SECONDS)
        except OSError:
            return
