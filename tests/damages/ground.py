"""What the damages share: how one is told, and the way out that most of them have."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from tests.life_support import Life

Damage = Generator[tuple[str, str], dict[str, Any], None]
"""Yields the name of the finding and words of it; is sent the finding."""

DAMAGES: dict[str, Callable[[Life], Damage]] = {}


def damage(make: Callable[[Life], Damage]) -> Callable[[Life], Damage]:
    DAMAGES[make.__name__] = make
    return make


def again(life: Life) -> None:
    """`greenroom down --keep-applications`, then `greenroom up`."""
    for words in (("down", "--keep-applications"), ("up",)):
        told = life.run(*words)
        assert told.returncode == 0, told.stdout + told.stderr


def flip(file: Path) -> None:
    """One bit of one byte in the middle; the size stays."""
    mode = file.stat().st_mode
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(data)
    file.chmod(mode)
