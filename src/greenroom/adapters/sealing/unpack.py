"""Laying a verified image out, read-only, and checking what lies there, byte for byte, before every start.

The layers are hostile until their digests fit, and even then only clean relative paths, plain files,
directories and links are laid out; links come last, so nothing is written through one.
"""

from __future__ import annotations

import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast

from greenroom.adapters.sealing import files
from greenroom.adapters.sealing.files import DIRECTORY, FILE, LINK, Entry
from greenroom.adapters.sealing.image import APP, Image
from greenroom.adapters.sealing.layout import Layout, tampered
from greenroom.domain.errors import Refused

LARGE = 1 << 18
MAX_HEADER = 1 << 20


def lay_out(layout: Layout, image: Image, expected: Mapping[str, Entry], target: Path, extra: Sequence[Entry]) -> None:
    """Unpack the image to `target`, whole or not at all. `extra` links and files are this machine's own.

    Raises Refused (`artifact.tampered`) when a layer holds something its own list of files does not name.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    partial = Path(tempfile.mkdtemp(prefix=".tmp-", dir=target.parent))
    try:
        links: list[Entry] = []
        for layer in image.layers[:2]:
            with (
                layout.path(layer["digest"]).open("rb") as file,
                tarfile.open(fileobj=cast(BinaryIO, _Headers(file)), mode="r:") as tar,
            ):
                links += _extract(file.fileno(), tar, image, expected, partial)
        for link in links:
            (partial / link.path).symlink_to(link.target)
        files.links_stay_inside(partial, (e.path for e in links))
        write_local(partial, extra)
        _make_read_only(partial)
        partial.rename(target)
    except (tarfile.TarError, EOFError, FileExistsError, NotADirectoryError, ValueError) as error:
        files.remove_tree(partial)
        if not target.is_dir():
            said = str(error).replace(str(partial), "")[:200]
            raise tampered(
                image.digest, f"a layer is not the archive that its list of files describes: {said}"
            ) from None
    except OSError as error:
        files.remove_tree(partial)
        if not target.is_dir():  # another start laid it out at the same moment: its work is checked next
            raise
        del error
    except BaseException:
        files.remove_tree(partial)
        raise


def write_local(root: Path, entries: Sequence[Entry]) -> None:
    """Directories, links and files of this machine's own; a file's text is in `target`."""
    for entry in entries:
        target = root / entry.path
        if entry.kind == DIRECTORY:
            target.mkdir()
        elif entry.kind == LINK:
            target.symlink_to(entry.target)
        else:
            target.write_text(entry.target)
            target.chmod(files.read_only(entry))


def check(root: Path, digest: str, expected: Mapping[str, Entry]) -> None:
    """Compare `root` with what must lie there: names, kinds, modes, owner, link targets and every byte.

    Raises Refused (`artifact.tampered`) naming the first file that differs.
    """
    try:
        _check(root, digest, expected)
    except Refused as e:  # what was sealed may be as it was: only this has to be made again
        hint = (
            "nothing of it was started; find out who changed it; then, with nothing running from it (greenroom down),"
            f" remove {root}: the next start lays it out anew from what was sealed"
        )
        raise Refused("artifact.tampered", e.message, because=e.because, hint=hint, facts=e.facts) from None


def _check(root: Path, digest: str, expected: Mapping[str, Entry]) -> None:
    seen: set[str] = set()
    to_hash: list[Entry] = []
    for path, found in files.walk(root):
        entry = expected.get(path)
        if entry is None:
            raise tampered(digest, f"{path} was added", str(root / path))
        _check_one(root, digest, entry, found)
        seen.add(path)
        if entry.kind == FILE:
            to_hash.append(entry)
    absent = next((p for p in expected if p not in seen), None)
    if absent is not None:
        raise tampered(digest, f"{absent} is missing", str(root / absent))
    changed = _first_changed(root, to_hash)
    if changed is not None:
        raise tampered(digest, f"{changed} was changed", str(root / changed))


def _check_one(root: Path, digest: str, entry: Entry, found: os.DirEntry[str]) -> None:
    status = found.stat(follow_symlinks=False)
    path = found.path
    kind = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: LINK}.get(stat.S_IFMT(status.st_mode))
    if kind != entry.kind:
        raise tampered(digest, f"{entry.path} is no longer a {entry.kind}", path)
    if kind == LINK:
        if os.readlink(path) != entry.target:  # noqa: PTH115 - called once per link on the way to every start
            raise tampered(digest, f"{entry.path} points elsewhere", path)
    elif stat.S_IMODE(status.st_mode) != files.read_only(entry):
        raise tampered(digest, f"the mode of {entry.path} was changed", path)
    if status.st_uid != os.geteuid():
        raise tampered(digest, f"{entry.path} belongs to another user", path)
    if kind == FILE and status.st_size != entry.size:
        raise tampered(digest, f"{entry.path} was changed", path)


def _first_changed(root: Path, entries: list[Entry]) -> str | None:
    """Large files in threads, which hashing lets run; small ones here: handing them over costs more than they do."""
    above, small = f"{root}/", [e for e in entries if e.size < LARGE]
    large = [e for e in entries if e.size >= LARGE]

    def is_changed(entry: Entry) -> bool:
        return files.file_digest(above + entry.path) != entry.digest

    with ThreadPoolExecutor(files.THREADS) as pool:
        verdicts = pool.map(is_changed, large)
        changed = next((e.path for e in small if is_changed(e)), None)
        return changed or next((e.path for e, bad in zip(large, verdicts, strict=True) if bad), None)


def _extract(
    layer: int, tar: tarfile.TarFile, image: Image, expected: Mapping[str, Entry], root: Path
) -> Iterator[Entry]:
    """Write directories and files; give the links back. What a list names once comes once."""
    seen: set[str] = set()
    for member in tar:
        path = member.name.removeprefix(APP)
        entry = expected.get(path) if path not in seen else None
        seen.add(path)
        if entry is None or not member.name.startswith(APP) or _kind(member) != entry.kind or member.size != entry.size:
            raise tampered(image.digest, f"a layer holds {member.name[:200]!r}, which its list of files does not name")
        try:
            files.checked_path(path)
            if entry.kind == LINK:
                files.checked_link(path, entry.target)
        except files.UnfitPath as error:
            raise tampered(image.digest, f"{path[:200]!r} {error}") from None
        if entry.kind == LINK:
            yield entry
        elif entry.kind == DIRECTORY:
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            _write_file(layer, member, root / path)


def _write_file(layer: int, member: tarfile.TarInfo, target: Path) -> None:
    """From the layer's own bytes: tarfile's reader would cost as much again as the writing."""
    mode = files.plain_mode(member.mode) & 0o555
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb", buffering=0) as file:
        offset, end = member.offset_data, member.offset_data + member.size
        while offset < end:
            data = os.pread(layer, min(end - offset, files.CHUNK), offset)
            if not data:
                raise EOFError("the layer ended early")
            offset += file.write(data)
        if os.fstat(handle).st_mode & 0o777 != mode:
            os.fchmod(handle, mode)


class _Headers:
    """A layer as tarfile reads it: headers alone, a block or a few at a time. One that claims to be longer than any
    that a seal writes is not read into memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if size > MAX_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


def _kind(member: tarfile.TarInfo) -> str:
    """A sparse file is none of ours: its bytes are not those that lie in the layer."""
    return (
        FILE
        if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        else DIRECTORY
        if member.isdir()
        else LINK
        if member.issym()
        else "other"
    )


def _make_read_only(root: Path) -> None:
    """Directories last: a read-only directory takes no more files."""
    for path, found in files.walk(root):
        if found.is_dir(follow_symlinks=False):
            (root / path).chmod(0o555)
    root.chmod(0o555)
