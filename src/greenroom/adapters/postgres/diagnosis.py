"""Why a server did not start, read from the end of its log."""

from __future__ import annotations

import os
from pathlib import Path

from greenroom.adapters.postgres.tools import disk_full
from greenroom.domain.errors import Errored

TAIL = 3000


def start_failed(environment: str, log: Path, last_exit: str, provider: str) -> Errored:
    """The error for a server that ended by itself: what its last words mean, and the words."""
    tail = log_tail(log)
    if "No space left on device" in tail:
        return disk_full(tail)
    if "Address already in use" in tail:
        return Errored(
            "database.port_taken",
            f"the port of {environment}'s database is taken",
            because=tail,
            hint="end the program that listens there",
        )
    if "incompatible with server" in tail:
        return Errored(
            "database.version", f"{environment}'s data was made by another PostgreSQL", because=tail, hint=provider
        )
    return Errored(
        "database.start_failed",
        f"{environment}'s database does not start ({last_exit or 'it ended'})",
        because=tail,
        hint=f"see {log}",
    )


def log_tail(log: Path) -> str:
    """The last words of a log, whole lines where possible."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL))
            text = file.read().decode(errors="replace")
    except OSError as error:
        return f"the log cannot be read: {error}"
    return text.partition("\n")[2].strip() if len(text) >= TAIL else text.strip()
