"""Reading a pinned `requirements.txt`: every line names one exact version, or one exact file by its hash.

Syntax: https://pip.pypa.io/en/stable/reference/requirements-file-format/. Options that choose a registry are refused:
where packages come from is a setting of the machine that seals, not of the commit.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from greenroom.domain.errors import BadInput, Refused

MAX_BYTES = 8 << 20
IGNORED_OPTIONS = ("--require-hashes", "--no-binary", "--only-binary", "--prefer-binary")
HASH = re.compile(r"--hash[= ](sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")


@dataclass(frozen=True)
class Pin:
    """One locked distribution. `text` is the line for the installer, hashes included."""

    name: str
    text: str
    hashes: tuple[str, ...]


def read_pins(tree: Path, name: str = "requirements.txt", seen: frozenset[str] = frozenset()) -> list[Pin]:
    """All pins of a requirements file and of those it includes with `-r`.

    Raises Refused (`release.lock_unpinned`) naming file and line.
    """
    name = posixpath.normpath(name)
    if name in seen:
        return []
    path = tree / name
    inside = path.resolve().is_relative_to(tree.resolve())
    if not inside or not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise BadInput("release.lock_missing", f"{name} is not a file of the commit", hint=HOW_TO_LOCK)
    pins: list[Pin] = []
    for number, line in _logical_lines(path.read_text(errors="replace")):
        included = re.match(r"(?:-r|--requirement)[ =]+(\S+)$", line)
        if included:
            pins += read_pins(tree, str(Path(name).parent / included[1]), seen | {name})
        elif not line.startswith(IGNORED_OPTIONS):
            pins.append(_pin(line, f"{name}:{number}"))
    return pins


HOW_TO_LOCK = (
    "`uv lock` makes uv.lock from pyproject.toml; `uv pip compile requirements.in -o requirements.txt` a pinned list"
)


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with continuations joined and comments removed, each with the number it starts at."""
    found: list[tuple[int, str]] = []
    pending, start = "", 0
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        start = start or number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        if pending + line:
            found.append((start, (pending + line).strip()))
        pending, start = "", 0
    if pending.strip():
        found.append((start, pending.strip()))
    return found


def _pin(line: str, where: str) -> Pin:
    hashes = tuple(HASH.findall(line))
    text = HASH.sub("", line).strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise _unpinned(line, where, "it is not a requirement that names one version") from None
    if requirement.url:
        if not requirement.url.startswith("https://") or not (hashes or "#sha256=" in requirement.url):
            raise _unpinned(line, where, "an address must be https and carry the file's hash")
    else:
        specifiers = list(requirement.specifier)
        if len(specifiers) != 1 or specifiers[0].operator not in ("==", "===") or "*" in specifiers[0].version:
            raise _unpinned(line, where, "it does not say `==` and one version")
    return Pin(canonicalize_name(requirement.name), " ".join([text, *(f"--hash={h}" for h in hashes)]), hashes)


def _unpinned(line: str, where: str, because: str) -> Refused:
    return Refused(
        "release.lock_unpinned",
        f"{where}: {line[:120]!r} is not locked",
        because=because,
        hint=HOW_TO_LOCK,
        facts={"line": line[:500], "where": where},
    )
