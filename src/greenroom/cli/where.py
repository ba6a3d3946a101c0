# pathlib takes longer to import than the whole command needs:
# ruff: noqa: PTH100, PTH109, PTH111, PTH113, PTH118, PTH120
"""Where the project's home is, found without reading more than it must: no library, no model, a few milliseconds."""

from __future__ import annotations

import os

FILE = "greenroom.yaml"

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_NAME = _LETTERS | frozenset("0123456789-")


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
    """The project's name, from the one top-level line that gives it; None when it is not there in its usual form.

    Everything else in the file is for `greenroom.config`.
    """
    try:
        with open(os.path.join(repository, FILE), encoding="utf-8-sig", errors="replace") as file:
            line = next((x for x in file if x.startswith("project:")), "")
    except OSError:
        return None
    name = line.removeprefix("project:").partition(" #")[0].strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1]
    fits = 0 < len(name) <= 32 and name[0] in _LETTERS and set(name) <= _NAME and not name.endswith("-")
    return name if fits else None
