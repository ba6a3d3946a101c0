"""Files in which people already said how the application starts: Procfile, Dockerfile, `bin/`."""

from __future__ import annotations

import json
import re

from greenroom.config.detection.found import (
    Command,
    Found,
    FoundMigration,
    FoundProcess,
    as_command,
    listens_how,
    name_from,
)
from greenroom.config.detection.tree import Tree

_PROCFILE = re.compile(r"^([A-Za-z0-9_-]+):\s*(\S.*)$", re.MULTILINE)
_START = re.compile(r"^\s*(CMD|ENTRYPOINT)\s+(.+)$", re.MULTILINE | re.IGNORECASE)
_FROM = re.compile(r"^\s*FROM\s+\S*?(python|node):([0-9]+(?:\.[0-9]+)?)", re.MULTILINE | re.IGNORECASE)
_PACKAGE_PROGRAMS = {
    "ffmpeg": "ffmpeg",
    "imagemagick": "convert",
    "ghostscript": "gs",
    "poppler-utils": "pdftotext",
    "graphviz": "dot",
    "wkhtmltopdf": "wkhtmltopdf",
    "tesseract-ocr": "tesseract",
    "git": "git",
    "pandoc": "pandoc",
    "libreoffice": "soffice",
}
_BIN_NAMES = ("web", "server", "serve", "start", "run")


def procfile(tree: Tree, found: Found) -> None:
    """Each line is a process; `release` is what runs before a release goes live."""
    for name, line in _PROCFILE.findall(tree.read("Procfile") or ""):
        command = as_command(line)
        if name == "release":
            found.migration = FoundMigration(command)
            found.because("`release` in the Procfile", "the migration's command")
            continue
        listen = listens_how(command) if name == "web" else None
        found.processes[name_from(name, "process")] = FoundProcess(command, listen)
        found.because(f"`{name}` in the Procfile", f"the process {name_from(name, 'process')}")


def dockerfile(tree: Tree, found: Found) -> None:
    """Its CMD says how it starts, its packages which programs it runs."""
    text = re.sub(r"\\\r?\n", " ", tree.read("Dockerfile") or "")
    for package, program in _PACKAGE_PROGRAMS.items():
        if re.search(rf"\b(?:apt-get|apt|apk)\b[^\n&|;]*\s(?:install|add)\b[^\n&|;]*\s{package}(?:\s|$)", text):
            found.executables.add(program)
            found.because(f"{package} in the Dockerfile", f"the program {program}")
    if "web" not in found.processes and (command := _docker_command(text)):
        found.processes["web"] = FoundProcess(command, listens_how(command))
        found.because("a start command in the Dockerfile", "the process web")
        if listens_how(command).value == "port" and "PORT" not in " ".join(command):
            found.advice.append(
                "make the web process listen on $PORT: the Dockerfile's command names a port of its own"
            )
    if not found.runtime and (base := _FROM.findall(text)) and base[-1][0].lower() == found.language.value:
        found.runtime = base[-1][1]
        found.because(f"{base[-1][0]}:{base[-1][1]} in the Dockerfile", "the interpreter's version")


def _docker_command(text: str) -> Command | None:
    """ENTRYPOINT and CMD of the last image, joined where both are lists (Dockerfile reference, CMD and ENTRYPOINT)."""
    last: dict[str, Command] = {}
    for word, value in _START.findall(text):
        try:
            words = json.loads(value)
        except ValueError:
            words = None
        if isinstance(words, list) and words and all(isinstance(w, str) for w in words):
            last[word.upper()] = words
        elif not value.lstrip().startswith("["):
            last[word.upper()] = as_command(value)
    entry, command = last.get("ENTRYPOINT"), last.get("CMD")
    if isinstance(entry, list) and isinstance(command, list):
        return [*entry, *command]
    return command if entry is None else entry


def programs(tree: Tree, found: Found) -> None:
    """An application that is a program: an executable in `bin/`."""
    able = [p for p in tree.files if p.startswith("bin/") and p.count("/") == 1 and tree.is_executable(p)]
    if found.processes or not able:
        return
    named = [p for n in _BIN_NAMES for p in able if p.removeprefix("bin/").split(".")[0] == n]
    if not named and len(able) > 1:
        found.advice.append(f"say which program serves: bin/ has {len(able)} of them")
    path = (named or able)[0]
    text = tree.read(path) or ""
    command = f"./{path}"
    listen = listens_how(command if "GREENROOM_SOCKET" not in text else "$GREENROOM_SOCKET")
    found.processes["web"] = FoundProcess(command, listen)
    found.because(path, "a program that serves")
