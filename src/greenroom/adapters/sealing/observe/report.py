"""One list of findings: what was seen while it started, and what stands in the files; each named once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenroom.adapters.sealing.observe import elf, node_scan, python_scan, strace
from greenroom.adapters.sealing.observe.names import Declared
from greenroom.adapters.sealing.observe.python_scan import Use
from greenroom.domain.release import Finding, FindingKind, Language

MAX_LOG = 32 << 20
CONFIG_LIBRARIES = ("decouple", "environs", "environ", "starlette", "dynaconf", "pydantic_settings")
"""Libraries that read variables on behalf of the file that calls them."""

GO_BETWEENS = ("/os.py", "/_collections_abc.py", "/importlib/__init__.py", "/importlib/_bootstrap.py")
"""Files through which every import or look-up goes, where an interpreter shows them at all."""


@dataclass(frozen=True)
class Observed:
    """Everything known about one clean-room start. `root` is where the release lay while it ran."""

    root: Path
    language: Language
    declared: Declared
    notes: tuple[Mapping[str, Any], ...]
    shimmed: Mapping[str, str]
    output: str
    healthy: bool
    trace: Path


def read_notes(log: Path) -> tuple[Mapping[str, Any], ...]:
    """The lines a hook wrote; lines that are no notes are dropped: the release could write there, too."""
    with log.open("rb") as file:
        lines = file.read(MAX_LOG).decode(errors="replace").splitlines()
    return tuple(n for n in map(_note, lines) if n is not None)


def findings(seen: Observed) -> tuple[Finding, ...]:
    """Blocking ones first, by kind and name; of several places the one that cannot do without."""
    found: dict[tuple[FindingKind, str], Finding] = {}
    for finding in (
        *_from_notes(seen),
        *_from_files(seen),  # before the shims: it names the line
        *_from_shims(seen),
        *strace.findings(seen.trace, seen.declared),
    ):
        key = (finding.kind, finding.name)
        if key not in found or (finding.blocking and not found[key].blocking):
            found[key] = finding
    return tuple(sorted(found.values(), key=lambda f: (not f.blocking, f.kind, f.name)))


def _from_notes(seen: Observed) -> Iterator[Finding]:
    judge: dict[str, Callable[[Observed, Mapping[str, Any]], Finding | None]] = {
        "import": _import,
        "variable": _variable,
        "executable": _executable,
        "file": _file,
    }
    for note in seen.notes:
        made = judge[note["kind"]](seen, note)
        if made is not None:
            yield made


def _import(seen: Observed, note: Mapping[str, Any]) -> Finding | None:
    """Own files: named. Dependencies try out many modules: named when that is why the start failed."""
    name = node_scan.package_of(note["name"]) if seen.language is Language.NODE else note["name"]
    said = (f"No module named '{name}", f"Cannot find module '{name}")
    fatal = not seen.healthy and any(s in seen.output for s in said)
    if not fatal and not _asked_by_own_file(seen, note):
        return None
    guarded = _guarded(seen, note, FindingKind.IMPORT)
    return Finding(FindingKind.IMPORT, name, _where(seen, note), blocking=fatal or not guarded)


def _variable(seen: Observed, note: Mapping[str, Any]) -> Finding | None:
    if seen.declared.has_variable(note["name"]):
        return None
    direct = _asked_by_own_file(seen, note)
    through = any(f"/{lib}" in str(f) for f, _ in note["stack"][:6] for lib in CONFIG_LIBRARIES)
    if not direct and not (through and _own_line(seen, note, nearest=False)):
        return None
    # Whether `get` was given a default is read in the file itself, by `_from_files`.
    optional = bool(note.get("gentle")) or _guarded(seen, note, FindingKind.VARIABLE)
    return Finding(FindingKind.VARIABLE, note["name"], _where(seen, note), blocking=not optional)


def _executable(seen: Observed, note: Mapping[str, Any]) -> Finding | None:
    if seen.declared.has_program(note["name"]):
        return None
    optional = _guarded(seen, note, FindingKind.EXECUTABLE)
    return Finding(FindingKind.EXECUTABLE, Path(note["name"]).name, _where(seen, note), blocking=not optional)


def _file(seen: Observed, note: Mapping[str, Any]) -> Finding | None:
    """Own files: named. Dependencies look in many places: named when something is there."""
    path = note["name"]
    if seen.declared.has_place(path):
        return None
    own = _own_line(seen, note, nearest=False) is not None
    if not own or (not Path(path).exists() and _guarded(seen, note, FindingKind.FILE)):
        return None
    nearest = _own_line(seen, note, nearest=True) is not None
    blocking = nearest and not _guarded(seen, note, FindingKind.FILE)
    if not nearest and not Path(path).exists():
        return None
    return Finding(FindingKind.FILE, path, _where(seen, note), blocking=blocking)


def _from_shims(seen: Observed) -> Iterator[Finding]:
    """What a hook saw too, it saw better: with the line, and whether its absence was caught."""
    known = {Path(n["name"]).name for n in seen.notes if n["kind"] == "executable"}
    for name, caller in seen.shimmed.items():
        if name not in known and name not in seen.declared.programs:
            yield Finding(FindingKind.EXECUTABLE, name, f"run by `{caller}`")


def _from_files(seen: Observed) -> Iterator[Finding]:
    if seen.language is Language.PYTHON:
        known = python_scan.installed_modules(seen.root) | python_scan.local_modules(seen.root)
        yield from _named(seen, python_scan.scan_tree(seen.root), known)
    elif seen.language is Language.NODE:
        yield from _named(seen, node_scan.scan_tree(seen.root), node_scan.installed(seen.root))
    for library, path in elf.missing_libraries(seen.root) if seen.language is Language.NONE else ():
        yield Finding(FindingKind.FILE, library, path)


def _named(seen: Observed, uses: Iterator[tuple[str, Use]], modules: frozenset[str]) -> Iterator[Finding]:
    for path, use in uses:
        known = {
            FindingKind.IMPORT: lambda name: name in modules,
            FindingKind.VARIABLE: seen.declared.has_variable,
            FindingKind.EXECUTABLE: seen.declared.has_program,
            FindingKind.FILE: seen.declared.has_place,
        }[use.kind]
        if not known(use.name):
            yield Finding(use.kind, use.name, f"{path}:{use.line}", blocking=not use.optional)


def _guarded(seen: Observed, note: Mapping[str, Any], kind: FindingKind) -> bool:
    """True if anywhere on the way this failure is caught, or somebody only asked whether it is there.

    `except Exception` counts beside the line itself only: servers catch everything that an application raises.
    """
    for depth, (file, line) in enumerate(note["stack"]):
        if file.endswith("importlib/util.py") and kind is FindingKind.IMPORT:
            return True
        if seen.language is Language.PYTHON and python_scan.is_guarded(Path(file), line, kind, broadly=depth == 0):
            return True
    return False


def _asked_by_own_file(seen: Observed, note: Mapping[str, Any]) -> bool:
    """True if it is the release's own file that imports or reads, not the standard library on its behalf."""
    asker = next((str(f) for f, _ in note["stack"] if not str(f).endswith(GO_BETWEENS)), "/")
    relative = _relative(seen.root, asker)
    return relative is not None and not {".venv", "node_modules"} & set(relative.split("/"))


def _own_line(seen: Observed, note: Mapping[str, Any], *, nearest: bool) -> str | None:
    """The line in the release's own files that asked; `nearest`: only if no dependency stands between."""
    for file, line in note["stack"]:
        relative = _relative(seen.root, str(file))
        if relative is not None and ".venv/" not in relative and "node_modules/" not in relative:
            return f"{relative}:{line}"
        if nearest and relative is not None:
            return None
    return None


def _where(seen: Observed, note: Mapping[str, Any]) -> str:
    own = _own_line(seen, note, nearest=False)
    if own is not None:
        return own
    file, line = next(iter(note["stack"]), ("the start command", 0))
    return f"{_relative(seen.root, str(file)) or file}:{line}"


def _relative(root: Path, file: str) -> str | None:
    prefix = str(root) + "/"
    return file.removeprefix(prefix) if file.startswith(prefix) else None if file.startswith("/") else file


def _note(line: str) -> Mapping[str, Any] | None:
    try:
        note = json.loads(line)
        fits = note["kind"] in ("import", "variable", "executable", "file") and isinstance(note["name"], str)
        note["stack"] = [(str(f), int(n)) for f, n in note["stack"]]
    except (ValueError, KeyError, TypeError):
        return None
    return note if fits and note["name"] else None
