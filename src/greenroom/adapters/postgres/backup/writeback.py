"""What is laid out goes to the disk while more is laid out: at the end there is little left to wait for."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAUSE_SECONDS = 0.2
SYNC = "/usr/bin/sync"


@contextmanager
def writing_back(folder: Path) -> Iterator[None]:
    """The kernel writes what is new on the file system of `folder` all through the block (syncfs(2)), not only once it
    must. It promises nothing: whoever needs the files on the disk asks for that afterwards, and waits less."""
    over = threading.Event()

    def write() -> None:
        while not over.wait(PAUSE_SECONDS):
            if subprocess.run([SYNC, "--file-system", str(folder)], capture_output=True, check=False).returncode:
                return  # what is the matter with the disk is said by whoever must have it there

    thread = threading.Thread(target=write, name="writing back")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
