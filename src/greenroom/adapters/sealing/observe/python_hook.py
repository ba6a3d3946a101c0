"""Loaded into every Python of a clean room as `sitecustomize`: notes what is looked for, changes nothing.

Standard library alone, any Python from 3.8; never imported by Greenroom. `greenroom-room.json` beside it names
the log and the release's root. Each note is one line of JSON: kind, name, and the stack that asked.
"""

# Loaded into every process: nothing is imported that the release may not have loaded itself.
# ruff: noqa: PTH100, PTH113, PTH118, PTH120, SIM105

from __future__ import annotations

import json
import os
import sys

if False:  # for the type checker alone
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
DEPTH = 60


def start() -> None:
    with open(os.path.join(HERE, "greenroom-room.json")) as file:
        room = json.load(file)
    log = os.open(room["log"], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    seen: set[Any] = set()

    def note(kind: str, name: str) -> None:
        frame: FrameType | None = sys._getframe()
        stack: list[list[str | int]] = []
        gentle = False
        while frame is not None and len(stack) < DEPTH:
            path = frame.f_code.co_filename
            gentle = gentle or (frame.f_code.co_name == "get" and "_collections_abc" in path)
            if not path.startswith("<frozen") and path != __file__:
                stack.append([path, frame.f_lineno])
            frame = frame.f_back
        key = (kind, name, tuple(stack[0]) if stack else None)
        if key in seen:
            return
        seen.add(key)
        line = json.dumps({"kind": kind, "name": name, "stack": stack, "gentle": gentle}) + "\n"
        try:
            os.write(log, line.encode("utf-8", "replace"))
        except OSError:
            pass  # the release closed all descriptors, as daemons do

    class LastFinder:
        """Asked when all others found nothing: the import is about to fail."""

        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> None:
            if path is None:
                note("import", name.partition(".")[0])

    sys.meta_path.append(LastFinder)

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path = arguments[0]
            if isinstance(path, bytes):
                path = os.fsdecode(path)
            if isinstance(path, str) and path.startswith("/"):
                note("file", path)
        elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
            program = arguments[0]
            if program is None and len(arguments) > 1 and arguments[1]:
                program = arguments[1][0]
            if isinstance(program, (str, bytes)):
                note("executable", os.fsdecode(program))

    sys.addaudithook(heard)
    watch_variables(note)


def watch_variables(note: Callable[[str, str], None]) -> None:
    """A variable that is read and not set; `get` and `getenv` come through here, too."""
    kind = type(os.environ)
    read = kind.__getitem__

    def read_and_note(self: Any, key: str) -> str:
        try:
            return read(self, key)
        except KeyError:
            if isinstance(key, str):
                note("variable", key)
            raise

    kind.__getitem__ = read_and_note  # type: ignore[method-assign]


def next_customisation() -> None:
    """A `sitecustomize` of the system's or the release's own still runs."""
    import importlib.util

    places = [p for p in sys.path if os.path.abspath(p) != HERE]
    for place in places:
        path = os.path.join(place, "sitecustomize.py")
        if os.path.isfile(path):
            spec = importlib.util.spec_from_file_location("_sitecustomize", path)
            if spec and spec.loader:
                spec.loader.exec_module(importlib.util.module_from_spec(spec))
            return


start()
next_customisation()
