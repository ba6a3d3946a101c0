"""`Workers` by locks: who works holds a lock on a file of its name for as long as it lives."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from greenroom.adapters import locks


class LocalWorkers:
    """See `ports.workers.Workers`. `directory` is made when somebody is enlisted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[str, int] = {}

    def enlist(self, owner: str) -> None:
        if owner in self._held:
            return
        self._directory.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(self._file(owner), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        locks.wait_for(handle, shared=True)
        self._held[owner] = handle

    def discharge(self, owner: str) -> None:
        handle = self._held.pop(owner, None)
        if handle is not None:
            os.close(handle)

    def end_if_stopped(self, owner: str) -> bool:
        try:
            handle = os.open(self._file(owner), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:  # a worker of another machine, or of an older Greenroom
            return False
        try:
            return locks.end_stopped_holders(handle)
        finally:
            os.close(handle)

    def _file(self, owner: str) -> Path:
        return self._directory / hashlib.sha256(owner.encode()).hexdigest()[:20]  # whatever a row says
