"""Trees of files as the seal sees them: relative paths, plain files, directories and links that stay inside.

Modes are 0755 or 0644 and nothing else, times and owners do not exist, the order is that of the path's
UTF-8 bytes: so the same files give the same list, whoever made them, wherever, whenever.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from greenroom.domain.errors import GreenroomError, Refused

CHUNK = 1 << 20
MAX_FILES = 200_000
MAX_BYTES = 4 * 10**9
MAX_PATH = 1024
MAX_PART = 200  # characters; a name has 255 bytes at most
THREADS = min(8, (os.cpu_count() or 1) + 1)

CONTROL = re.compile(r"[\x00-\x1f\x7f]")

FILE, LINK, DIRECTORY = "file", "link", "dir"


@dataclass(frozen=True)
class Entry:
    """One path of a tree. `digest` is the SHA-256 of a file's bytes in hexadecimal; `target` where a link points."""

    path: str
    kind: str
    mode: int
    size: int = 0
    digest: str = ""
    target: str = ""

    def as_list(self) -> list[Any]:
        return [self.path, self.kind, self.mode, self.size, self.digest, self.target]


class UnfitPath(ValueError):
    """A path or link that must not be laid out; the message says why."""


class UnfitTree(UnfitPath):
    """A path that does not go together with the others."""

    def __init__(self, path: str, because: str) -> None:
        super().__init__(because)
        self.path = path


def checked_path(name: str) -> str:
    """`name` if it is a clean relative path; raises UnfitPath for anything that could lead elsewhere."""
    parts = name.split("/")
    if not name or name.startswith("/") or any(p in ("", ".", "..") for p in parts):
        raise UnfitPath("is not a plain relative path")
    if len(name) > MAX_PATH or any(len(p) > MAX_PART for p in parts):
        raise UnfitPath("is too long")
    if CONTROL.search(name):
        raise UnfitPath("holds control characters")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UnfitPath("is not UTF-8") from None
    return name


def checked_link(path: str, target: str) -> str:
    """`target` if, read as text, it stays inside the tree. `links_stay_inside` asks again once all is laid out."""
    if not target or target.startswith("/") or "\0" in target:
        raise UnfitPath(f"points to {target!r}, outside the tree")
    depth = len(PurePosixPath(path).parts) - 1
    for part in target.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            raise UnfitPath(f"points to {target!r}, outside the tree")
    return target


def checked_tree(found: Iterable[tuple[str, str]]) -> None:
    """Paths with their kinds make one tree: none stands twice, and only directories hold others.

    Raises UnfitTree, naming the path. A link that holds files would have them written to wherever it leads.
    """
    kinds: dict[str, str] = {}
    for path, kind in found:
        if path in kinds:
            raise UnfitTree(path, "stands there twice")
        kinds[path] = kind
    known: set[str] = {""}
    for path in kinds:
        above = path.rpartition("/")[0]
        while above not in known:
            if kinds.get(above, DIRECTORY) != DIRECTORY:
                raise UnfitTree(path, f"lies below {above!r}, which is a {kinds[above]}")
            known.add(above)
            above = above.rpartition("/")[0]


def links_stay_inside(root: Path, links: Iterable[str]) -> None:
    """Follow every link for real: links through links can leave a tree that each of them alone stays in."""
    inside = os.path.realpath(root)
    for link in links:
        real = os.path.realpath(root / link)
        if real != inside and not real.startswith(inside + os.sep):
            raise Refused(
                "release.file_unfit",
                f"{link} leads outside the release",
                because=f"it resolves to {real}",
                hint="remove it, or let the build leave it out",
            )


def walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every path below `root`, links not followed, in no particular order."""
    pending = [""]
    while pending:
        prefix = pending.pop()
        with os.scandir(root / prefix if prefix else root) as found:
            for entry in found:
                path = prefix + entry.name
                yield path, entry
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path + "/")


def scan(root: Path, *, max_bytes: int = MAX_BYTES) -> list[Entry]:
    """The entries of `root`, modes made plain, files hashed.

    Raises Refused (`release.file_unfit`) for devices, sockets, links that lead outside and unfit names,
    Refused (`release.build_too_large`) past the limits.
    """
    entries: list[Entry] = []
    files: list[tuple[str, os.stat_result]] = []
    total = 0
    for path, found in walk(root):
        seen = found.stat(follow_symlinks=False)
        try:
            checked_path(path)
            if stat.S_ISDIR(seen.st_mode):
                entries.append(Entry(path, DIRECTORY, 0o755))
            elif stat.S_ISLNK(seen.st_mode):
                entries.append(Entry(path, LINK, 0o777, target=checked_link(path, str(Path(found.path).readlink()))))
            elif stat.S_ISREG(seen.st_mode):
                files.append((path, seen))
                total += seen.st_size
            else:
                raise UnfitPath("is a device, a pipe or a socket")
        except UnfitPath as error:
            raise Refused(
                "release.file_unfit",
                f"{path!r} cannot be sealed",
                because=f"it {error}",
                hint="remove it, or let the build leave it out",
            ) from None
        if len(files) + len(entries) > MAX_FILES or total > max_bytes:
            raise too_large(total, len(files) + len(entries), max_bytes)
    links_stay_inside(root, (e.path for e in entries if e.kind == LINK))
    with ThreadPoolExecutor(THREADS) as pool:
        digests = pool.map(lambda item: file_digest(root / item[0]), files)
        for (path, seen), digest in zip(files, digests, strict=True):
            entries.append(Entry(path, FILE, plain_mode(seen.st_mode), seen.st_size, digest))
    return sorted(entries, key=lambda e: e.path.encode())


def too_large(size: int, count: int, max_bytes: int = MAX_BYTES) -> GreenroomError:
    return Refused(
        "release.build_too_large",
        "the release is too large",
        because=f"{count} files, {size} bytes; the limits are {MAX_FILES} files and {max_bytes} bytes",
        hint="leave out what the application does not need to run, or raise `release: size:` in greenroom.yaml",
    )


def make_plain(root: Path) -> None:
    """Give everything the mode it is sealed with: some packages bring files that only their owner reads."""
    root.chmod(0o755)
    for path, found in walk(root):
        if found.is_dir(follow_symlinks=False):
            (root / path).chmod(0o755)
        elif found.is_file(follow_symlinks=False):
            (root / path).chmod(plain_mode(found.stat().st_mode))


def plain_mode(mode: int) -> int:
    """0755 for what its owner may execute, 0644 for the rest."""
    return 0o755 if mode & 0o100 else 0o644


def make_modes_plain(root: Path) -> None:
    """Give every directory and file below `root` the mode it will be sealed with, so that whoever starts it before the
    seal sees what every environment will see: package tools follow the umask of the moment."""
    for path, entry in walk(root):
        found = entry.stat(follow_symlinks=False).st_mode
        wanted = 0o755 if stat.S_ISDIR(found) else plain_mode(found) if stat.S_ISREG(found) else None
        if wanted is not None and stat.S_IMODE(found) != wanted:
            (root / path).chmod(wanted)


def read_only(entry: Entry) -> int:
    """The mode an entry has once unpacked: nobody writes."""
    return entry.mode & 0o555


def file_digest(path: Path | str) -> str:
    """SHA-256 of a file's bytes, hexadecimal; a link is not followed."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb", buffering=0) as file:
        hashed = hashlib.sha256()
        while data := file.read(CHUNK):  # unbuffered: thousands of small files are hashed before every start
            hashed.update(data)
    return hashed.hexdigest()


def digest_of_bytes(data: bytes) -> str:
    """`sha256:` and the hexadecimal digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def copy_stream(source: BinaryIO, size: int, target: BinaryIO) -> None:
    """Exactly `size` bytes; raises EOFError when the source has fewer."""
    while size:
        block = source.read(min(size, CHUNK))
        if not block:
            raise EOFError("the stream ended early")
        target.write(block)
        size -= len(block)


def write_atomically(path: Path, data: bytes, mode: int = 0o644, *, group: int | None = None) -> None:
    """The whole file or the one before, whatever happens; on disk when this returns. `group`: whose it is beside us."""
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if group is not None:
                os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).rename(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_tree(source: Path, target: Path, *, shared: bool = False) -> None:
    """A copy; links stay links. `shared`: files are hard links, for a copy that nobody writes to."""
    if shared:
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
    else:
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a directory that may be read-only throughout; one that is not there is fine."""
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    if not path.exists():
        return
    if os.getuid() != 0:
        path.chmod(0o700)
        for below, entry in walk(path):
            if entry.is_dir(follow_symlinks=False):
                (path / below).chmod(0o700)
    shutil.rmtree(path)


def size_of(path: Path) -> int:
    """Bytes that the files below `path` take on disk now; what vanishes meanwhile counts nothing."""
    total = 0
    pending = [path]
    while pending:
        try:
            with os.scandir(pending.pop()) as found:
                for entry in found:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(Path(entry.path))
                        else:
                            total += entry.stat(follow_symlinks=False).st_blocks * 512
                    except FileNotFoundError:
                        continue
        except (FileNotFoundError, PermissionError):
            continue
    return total
