"""Where a program looks for its libraries (ELF-64, System V gABI chapter 5), made independent of its place.

A Python built with `--enable-shared` names its own directory there. Moved to where others can read it, it would
find no library, or worse: another one's of the same name.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 5, 15, 29


@dataclass(frozen=True)
class RunPath:
    """The text of a run path and the byte it begins at in its file."""

    offset: int
    text: bytes


def run_paths(data: bytes) -> list[RunPath]:
    """Every DT_RPATH and DT_RUNPATH of a 64-bit little-endian ELF file; nothing for any other bytes."""
    try:
        return _run_paths(data)
    except (struct.error, ValueError, StopIteration):
        return []


def relocated(data: bytes, place: Path, root: Path) -> bytes | None:
    """The file's bytes with run paths into `root` written relative to `place`, where it lies; None if there are none.

    Raises ValueError when the relative form is longer than what it replaces: there is no room for it.
    """
    changed = bytearray(data)
    for found in run_paths(data):
        parts = [_relative(part, place, root) for part in found.text.split(b":")]
        text = b":".join(parts)
        if len(text) > len(found.text):
            raise ValueError(f"{place}: no room for the run path {text.decode(errors='replace')}")
        changed[found.offset : found.offset + len(found.text)] = text.ljust(len(found.text), b"\0")
    return bytes(changed) if changed != data else None


def _relative(part: bytes, place: Path, root: Path) -> bytes:
    path = Path(os.fsdecode(part))
    if not path.is_absolute() or not path.is_relative_to(root):
        return part
    way = os.path.relpath(path, place.parent)
    return b"$ORIGIN" if way == "." else b"$ORIGIN/" + os.fsencode(way)


def _run_paths(data: bytes) -> list[RunPath]:
    if data[:6] != b"\x7fELF\x02\x01":
        return []
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", data, table + i * size) for i in range(count)]
    loads = [(vaddr, offset, length) for kind, _, offset, vaddr, _, length, _, _ in headers if kind == _PT_LOAD]
    entries: list[tuple[int, int]] = []
    for kind, _, offset, _, _, length, _, _ in headers:
        if kind == _PT_DYNAMIC:
            entries += struct.iter_unpack("<qQ", data[offset : offset + length - length % 16])
    texts = next((value for tag, value in entries if tag == _DT_STRTAB), None)
    if texts is None:
        return []
    base = next(offset + texts - vaddr for vaddr, offset, length in loads if vaddr <= texts < vaddr + length)
    starts = [base + value for tag, value in entries if tag in (_DT_RPATH, _DT_RUNPATH)]
    return [RunPath(start, data[start : data.index(b"\0", start)]) for start in starts]
