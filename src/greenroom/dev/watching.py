"""Which files of a working tree changed: what git ignores does not count, and changes close together are one."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from greenroom.domain.errors import Errored

DEBOUNCE_MS, STEP_MS = 600, 60
GIT_SECONDS = 10.0


def changes(root: Path, stop: threading.Event) -> Iterator[list[str]]:
    """Paths below `root` that changed, as they come, until `stop`. Raises Errored (`dev.cannot_watch`)."""
    from watchfiles import DefaultFilter, watch  # not needed to describe the command

    try:
        for batch in watch(
            root,
            watch_filter=DefaultFilter(),
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            stop_event=stop,
            raise_interrupt=False,
        ):
            found = sorted({os.path.relpath(path, root) for _, path in batch})
            if wanted := not_ignored(root, found):
                yield wanted
    except OSError as error:
        raise Errored(
            "dev.cannot_watch",
            f"changes below {root} cannot be noticed",
            because=str(error),
            hint="raise fs.inotify.max_user_watches, or set WATCHFILES_FORCE_POLLING=1",
        ) from error


def not_ignored(root: Path, paths: list[str]) -> list[str]:
    """Those that git would take notice of; all of them where there is no repository, or no git."""
    if not paths:
        return []
    try:
        told = subprocess.run(
            ["git", "check-ignore", "-z", "--stdin"],
            cwd=root,
            input=b"\0".join(os.fsencode(p) for p in paths) + b"\0",
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return paths
    ignored = {os.fsdecode(p) for p in told.stdout.split(b"\0")} if told.returncode == 0 else set()
    return [p for p in paths if p not in ignored]
