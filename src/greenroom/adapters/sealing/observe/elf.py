"""Shared libraries an executable asks for, read from its dynamic section (System V gABI, chapter 5)."""

from __future__ import annotations

import ctypes.util
import struct
from collections.abc import Iterator
from pathlib import Path

from greenroom.adapters.sealing.files import walk

PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB = 1, 5
LIMIT = 256 << 20


def missing_libraries(root: Path) -> Iterator[tuple[str, str]]:
    """(library, file that wants it) for every 64-bit ELF file of a release that this system cannot satisfy."""
    own = {entry.name for _, entry in walk(root)}
    for path, entry in walk(root):
        if not entry.is_file(follow_symlinks=False) or entry.stat().st_size > LIMIT:
            continue
        for library in needed(Path(entry.path)):
            if library not in own and not _on_system(library):
                yield library, path


def needed(path: Path) -> list[str]:
    """DT_NEEDED of a little-endian 64-bit ELF file; nothing for any other file, or a damaged one."""
    with path.open("rb") as file:
        if file.read(6) != b"\x7fELF\x02\x01":
            return []
        file.seek(0)
        data = file.read()
    try:
        return list(_needed(data))
    except (struct.error, IndexError, ValueError, UnicodeDecodeError):
        return []


def _needed(data: bytes) -> Iterator[str]:
    offset, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    dynamic = next((h for h in headers if h[0] == PT_DYNAMIC), None)
    if dynamic is None:
        return
    entries = [struct.unpack_from("<qQ", data, dynamic[2] + i) for i in range(0, dynamic[5], 16)]
    table = next(value for tag, value in entries if tag == DT_STRTAB)
    base = next(table - h[3] + h[2] for h in headers if h[0] == PT_LOAD and h[3] <= table < h[3] + h[5])
    for tag, value in entries:
        if tag == DT_NEEDED:
            start = base + value
            yield data[start : data.index(b"\0", start)].decode()


def _on_system(library: str) -> bool:
    name = library.split(".so")[0].removeprefix("lib")
    places = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
    if any((Path(p) / library).exists() for p in places) or ctypes.util.find_library(name):
        return True
    return any(Path("/usr/lib").glob(f"*-linux-gnu/{library}"))
