"""A repository's files, as detection sees them: names and small texts, nothing run and nothing followed outside."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

MAX_FILE = 256 * 1024
MAX_FILES = 20_000
SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".tox",
        ".venv",
        "venv",
        "env",
        "node_modules",
        "__pycache__",
        "site-packages",
        "dist",
        "build",
        "vendor",
    }
)


class Tree(Protocol):
    """Paths are relative, with `/`."""

    @property
    def files(self) -> Sequence[str]:
        """Every file, sorted; without dependencies, build results and version control."""

    def read(self, path: str) -> str | None:
        """The text of a file of at most 256 KiB; None when there is none, or it is no text."""

    def is_executable(self, path: str) -> bool: ...


@dataclass(frozen=True)
class MemoryTree:
    """Files given as texts."""

    texts: Mapping[str, str]
    executables: frozenset[str] = field(default_factory=frozenset)

    @property
    def files(self) -> Sequence[str]:
        return sorted(self.texts)

    def read(self, path: str) -> str | None:
        return self.texts.get(path)

    def is_executable(self, path: str) -> bool:
        return path in self.executables


@dataclass(frozen=True)
class DirectoryTree:
    """A directory on this machine. Symbolic links are not followed, special files not opened."""

    root: Path

    @cached_property
    def files(self) -> Sequence[str]:
        found: list[str] = []
        for directory, inner, names in os.walk(self.root):
            inner[:] = sorted(d for d in inner if d not in SKIPPED)
            found += [Path(directory, n).relative_to(self.root).as_posix() for n in sorted(names)]
            if len(found) > MAX_FILES:
                break
        return sorted(found[:MAX_FILES])

    def read(self, path: str) -> str | None:
        full = self.root / path
        if not full.resolve().is_relative_to(self.root.resolve()):
            return None
        try:
            found = full.lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE:
                return None
            text = full.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None  # what cannot be read tells nothing; the promise of `read`
        return None if "\0" in text else text

    def is_executable(self, path: str) -> bool:
        full = self.root / path
        return not full.is_symlink() and full.is_file() and os.access(full, os.X_OK)
