# pathlib takes longer to import than the whole command needs:
# ruff: noqa: PTH100, PTH109, PTH111, PTH113, PTH118, PTH120
"""Where the project's home is, found without reading more than it must: no library, no model, a few milliseconds."""

from __future__ import annotations

import os
import re

FILE = "greenroom.yaml"

# The one top-level line that names the project; everything else in the file is for `greenroom.config`.
_PROJECT = re.compile(r"""^project:[ \t]+(["']?)([a-z](?:[a-z0-9-]{0,30}[a-z0-9])?)\1[ \t]*(?:#.*)?$""", re.MULTILINE)


def default_home(project: str) -> str:
    """Where a project's home is unless told otherwise: /var/lib for root, the user's state directory else."""
    if os.getuid() == 0:
        return f"/var/lib/greenroom/{project}"
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return f"{state}/greenroom/{project}"


def home(given: str | None = None, start: str | None = None) -> str | None:
    """`--home`, else GREENROOM_HOME, else the home of the project whose greenroom.yaml lies here or above."""
    said = given or os.environ.get("GREENROOM_HOME")
    if said:
        return os.path.abspath(said)
    repository = find_repository(start)
    project = project_of(repository) if repository else None
    return default_home(project) if project else None


def find_repository(start: str | None = None) -> str | None:
    """The nearest directory from `start` (here) upwards in which a greenroom.yaml lies."""
    at = os.path.abspath(start or os.getcwd())
    while True:
        if os.path.isfile(os.path.join(at, FILE)):
            return at
        above = os.path.dirname(at)
        if above == at:
            return None
        at = above


def project_of(repository: str) -> str | None:
    """The project's name; None when the file does not give it in its usual form."""
    try:
        with open(os.path.join(repository, FILE), encoding="utf-8", errors="replace") as file:
            match = _PROJECT.search(file.read(1024 * 1024))
    except OSError:
        return None
    return match[2] if match else None
