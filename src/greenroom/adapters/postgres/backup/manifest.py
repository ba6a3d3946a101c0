"""A base backup compared with its manifest, file by file, as it streams by.

The manifest is JSON (documentation, 73.1: "Backup Manifest Format"): a path, a size and a SHA256 for each file, ranges
of the log, and a checksum over its own text up to that checksum. `pg_verifybackup` would do the same; it reads plain
directories only, and the embedded PostgreSQL's ends with a segmentation fault.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from greenroom.domain.errors import Errored
from greenroom.domain.wal import parse_lsn

NAME = "backup_manifest"
BLOCK = 1 << 20
LARGEST = 1 << 30
"""Beyond a gigabyte of manifest (some four million files) it is not held in memory."""

CHECKSUM_KEY = b'"Manifest-Checksum"'


class Differs(Exception):
    """The backup is not what its manifest says; the text names the file."""


@dataclass(frozen=True)
class Manifest:
    """What matters of it. `raw` is its text, which an increment is made against."""

    raw: bytes
    files: int
    size: int
    timeline: int
    start: int
    stop: int


class Stream(Iterable[bytes | memoryview]):
    """A file to read from, over blocks that come one by one; each is copied before the next is asked for."""

    def __init__(self, blocks: Iterator[bytes | memoryview]) -> None:
        self._blocks, self._rest = blocks, b""

    def read(self, size: int = -1) -> bytes:
        found = bytearray(self._rest)
        while size < 0 or len(found) < size:
            block = next(self._blocks, None)
            if block is None:
                break
            found += block
        self._rest = b"" if size < 0 else bytes(found[size:])
        return bytes(found) if size < 0 else bytes(found[:size])

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return self._blocks


def check(blocks: Iterator[bytes | memoryview]) -> Manifest:
    """Read a whole backup in tar form. Raises Differs for the first file that is not as promised."""
    seen: dict[str, tuple[int, str]] = {}
    raw = b""
    try:
        with tarfile.open(fileobj=Stream(blocks), mode="r|", bufsize=BLOCK) as tar:  # type: ignore[call-overload]
            for member in tar:
                if not member.isfile():
                    continue
                content = tar.extractfile(member)
                if content is None:
                    raise Differs(f"{member.name} has no contents")
                name = member.name.removeprefix("./")
                if name == NAME:
                    raw = content.read(LARGEST)
                else:
                    seen[name] = (member.size, hashlib.file_digest(content, "sha256").hexdigest())
    except tarfile.TarError as error:
        raise Differs(f"it cannot be read: {error}") from None
    return compare(raw, seen)


def compare(raw: bytes, seen: dict[str, tuple[int, str]]) -> Manifest:
    """Every file of the manifest is there as it says, and no other. Raises Differs."""
    told = parse(raw)
    promised = {_path(f): (int(f["Size"]), str(f.get("Checksum", ""))) for f in told["Files"]}
    for name, (size, checksum) in promised.items():
        if name not in seen:
            raise Differs(f"{name} is missing")
        if seen[name][0] != size:
            raise Differs(f"{name} has {seen[name][0]} bytes, its manifest says {size}")
        if checksum and seen[name][1] != checksum:
            raise Differs(f"the contents of {name} differ from its manifest")
    if more := sorted(set(seen) - set(promised)):
        raise Differs(f"{more[0]} is not in its manifest")
    ranges = told["WAL-Ranges"]
    first, last = ranges[0], ranges[-1]
    return Manifest(
        raw,
        len(promised),
        sum(size for size, _ in promised.values()),
        int(last["Timeline"]),
        min(parse_lsn(r["Start-LSN"]) for r in ranges) if len(ranges) > 1 else parse_lsn(first["Start-LSN"]),
        parse_lsn(last["End-LSN"]),
    )


def parse(raw: bytes) -> dict[str, Any]:
    """Raises Differs when the manifest's own checksum does not fit, or it names no SHA256."""
    if not raw:
        raise Differs("it has no manifest")
    head, found, _ = raw.rpartition(CHECKSUM_KEY)
    try:
        told: dict[str, Any] = json.loads(raw)
        promised = told["Manifest-Checksum"]
        if not found or hashlib.sha256(head).hexdigest() != promised:
            raise Differs("the manifest's own checksum does not fit")
        if any(f.get("Checksum-Algorithm", "SHA256") != "SHA256" for f in told["Files"]):
            raise Differs("its manifest has other checksums than SHA256")
    except (ValueError, KeyError, TypeError) as error:
        raise Differs(f"its manifest cannot be read: {error}") from None
    return told


def _path(entry: dict[str, Any]) -> str:
    """Names that are not UTF-8 are written as their bytes in hexadecimal."""
    if "Path" in entry:
        return str(entry["Path"])
    return bytes.fromhex(entry["Encoded-Path"]).decode("utf-8", "surrogateescape")


def differs(name: str, place: str, why: str) -> Errored:
    return Errored(
        "backup.damaged",
        f"backup {name} in {place} is not what its manifest says",
        because=why,
        hint="the one before is used; greenroom backup now --full makes another",
        facts={"backup": name, "place": place},
    )
