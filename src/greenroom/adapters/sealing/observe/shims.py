"""A PATH for the clean room: what is declared and basic is there; everything else of this machine is a shim.

A shim is a link to one script that notes the name it was called by and says, as a shell would, that there is no
such program. So what a release runs is named whatever language it is written in.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from greenroom.adapters.sealing.observe.names import Declared

NOTED = """#!/bin/sh
{{ printf '%s\\t' "${{0##*/}}"; tr '\\0' ' ' < /proc/$PPID/cmdline; echo; }} >> {log} 2>/dev/null
exit 127
"""


def make_path(directory: Path, log: Path, declared: Declared, own: Mapping[str, Path]) -> frozenset[str]:
    """Fill `directory`; `own` are programs of the release's language. Returns every name that is there."""
    directory.mkdir(mode=0o755)
    script = directory / ".not-declared"
    script.write_text(NOTED.format(log=shlex.quote(str(log))))
    script.chmod(0o755)
    log.touch()
    log.chmod(0o666)
    for name, target in own.items():
        (directory / name).symlink_to(target)
    on_host = _programs_of_host()
    for name, path in on_host.items():
        if name not in own:
            (directory / name).symlink_to(path if name in declared.programs else script.name)
    return frozenset(own) | frozenset(on_host)


def read_log(log: Path) -> dict[str, str]:
    """Program → the command line of what called it first. Lines a program wrote there by itself count for nothing."""
    found: dict[str, str] = {}
    for line in log.read_text(errors="replace").splitlines()[:10_000]:
        name, tab, caller = line.partition("\t")
        if tab and name and "/" not in name and len(name) < 256:
            found.setdefault(name, caller.strip()[:200])
    return found


def _programs_of_host() -> dict[str, str]:
    found: dict[str, str] = {}
    # The system's directories first: an environment has only those. The rest of our PATH gives names to catch.
    search = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin", *os.environ.get("PATH", "").split(os.pathsep)]
    for directory in dict.fromkeys(search):
        try:
            names = [p.name for p in Path(directory).iterdir()] if directory.startswith("/") else []
        except OSError:
            continue
        for name in names:
            if name not in found and shutil.which(name, path=directory):
                found[name] = f"{directory}/{name}"
    return found
