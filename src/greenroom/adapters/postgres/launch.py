"""Starting and ending a server that nobody keeps: it ends when the thread that started it dies."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from greenroom.adapters.courtesy import nicely
from greenroom.adapters.postgres.tools import Tools, command
from greenroom.adapters.runtimes.users import User


def launch(
    tools: Tools,
    account: User,
    data: Path,
    settings: Path,
    log: Path,
    forced: Mapping[str, str] | None = None,
    *,
    nice: int = 0,
    is_offline: bool = False,
) -> subprocess.Popen[bytes]:
    """The server over `data` with the settings file. `forced` settings win over that file and over
    `postgresql.auto.conf` (documentation, 19.1). `nice` is how far it stands back behind other programs; `is_offline`:
    nothing in it reaches a network, where the kernel allows that."""
    argv = [tools.program("postgres"), "-D", str(data), f"--config_file={settings}"]
    argv += [word for name, value in (forced or {}).items() for word in ("-c", f"{name}={value}")]
    with own_log(log) as said:
        return subprocess.Popen(
            nicely(command(argv, account, at_our_death="QUIT", is_offline=is_offline), nice),
            env=tools.env(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def own_log(path: Path) -> BinaryIO:
    """A log begun anew that nobody else reads: what a server says may quote what is in its tables."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(handle, "wb")


def end(process: subprocess.Popen[bytes], how: signal.Signals, seconds: float) -> None:
    """End it as `how` says and wait for it; what does not end within `seconds` is killed."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
