"""Who gets how much of one processor while somebody else wants all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROCESSOR = min(os.sched_getaffinity(0))
SPIN = f"import os\nos.sched_setaffinity(0, {{{PROCESSOR}}})\nwhile True: pass"


@contextmanager
def busy_visitor() -> Iterator[int]:
    """A process in a session of its own that takes all it gets of `PROCESSOR`; its pid."""
    process = subprocess.Popen([sys.executable, "-c", SPIN], start_new_session=True)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def used(pid: int) -> int:
    """Processor time of a process until now, in clock ticks (proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
