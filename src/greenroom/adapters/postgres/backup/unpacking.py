"""A base backup laid out as files, straight from its stream: what was opened is written from where it lies.

PostgreSQL sends plain tar: regular files and directories, each below a directory that came before it. Nothing else is
taken: where it is not encrypted, an archive can be changed by whoever holds its place, and then it must not reach
further than the cluster that is made of it.
"""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from itertools import chain
from pathlib import Path
from queue import Full, Queue

from greenroom.adapters.postgres.backup.crypt import Damaged
from greenroom.adapters.postgres.tools import is_caller
from greenroom.adapters.runtimes.users import User

RECORD = tarfile.BLOCKSIZE
PERMISSIONS = 0o777
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ANEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
AHEAD = 3
"""Blocks that are read and opened while one is written."""
HELD = AHEAD + 1
"""Blocks that must lie in memory at once: the one that is written, too."""
LOOK_SECONDS = 0.1


def unpack(blocks: Iterable[memoryview], target: Path, account: User) -> None:
    """Into `target`, an empty directory of ours that nobody else can enter. It and all in it belong to `account` in the
    end; before that it cannot come in and put a link in the way.

    A block may be gone when HELD more were asked for: new memory for each takes as long as writing it.

    Raises Damaged when it is no whole base backup, OSError when it cannot be written.
    """
    with closing(_ahead(iter(blocks))) as coming, _Tree(target, account) as tree:
        stream = _Stream(coming)
        while (member := _member(stream)) is not None:
            above, _, name = member.name.rpartition("/")
            try:
                if member.isdir():
                    tree.add_folder(above, name, member.mode)
                else:
                    tree.add_file(above, name, member.mode, stream.parts(member.size))
            except FileExistsError:
                raise Damaged(f"{member.name!r} is in it twice") from None
            except (FileNotFoundError, NotADirectoryError):
                raise Damaged(f"{member.name!r} is in no directory of it") from None
            stream.skip(-member.size % RECORD)
        stream.end()
        tree.hand_over()


def _member(stream: _Stream) -> tarfile.TarInfo | None:
    """What comes next, by a name that leads nowhere else; None at the end."""
    header = bytearray()
    for part in stream.parts(RECORD):
        header += part  # copied before more is asked for
    if header == bytes(RECORD):
        return None
    try:
        found = tarfile.TarInfo.frombuf(bytes(header), tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError as error:
        raise Damaged(f"a header in it cannot be read: {error}") from None
    is_file = found.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
    if not (is_file and found.size >= 0) and not (found.isdir() and found.size == 0):
        raise Damaged(f"{found.name!r} in it is neither a file nor a directory")
    found.name = found.name.removeprefix("./")  # as PostgreSQL writes directories below pg_wal
    if any(part in ("", ".", "..") for part in found.name.split("/")):
        raise Damaged(f"{found.name!r} in it is no plain relative path")
    return found


def _ahead(blocks: Iterator[memoryview]) -> Generator[memoryview, None, None]:
    """The same, read by a thread of its own, for reading, opening and writing all let others work meanwhile. What keeps
    one from being read is raised in its place; the thread has ended when this has.

    No pool: as the program ends, a pool takes no more work while whoever asks for it still runs.
    """
    coming: Queue[memoryview | BaseException | None] = Queue(AHEAD - 1)  # and one that waits to be put there
    is_over = threading.Event()

    def put(what: memoryview | BaseException | None) -> None:
        while not is_over.is_set():
            with suppress(Full):
                coming.put(what, timeout=LOOK_SECONDS)
                break

    def read() -> None:
        try:
            while not is_over.is_set() and (block := next(blocks, None)) is not None:
                put(block)
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the block is waited for
            put(error)

    reader = threading.Thread(target=read, name="reading ahead", daemon=True)
    reader.start()
    try:
        while (block := coming.get()) is not None:
            if isinstance(block, BaseException):
                raise block
            yield block
    finally:
        is_over.set()
        reader.join()


class _Stream:
    """Bytes in order, from blocks of any size. What is asked for and does not come is damage."""

    def __init__(self, blocks: Iterator[memoryview]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def parts(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, as they lie."""
        while size > 0:
            while not self._rest:
                block = next(self._blocks, None)
                if block is None:
                    raise Damaged("it ends early")
                self._rest = block
            part, self._rest = self._rest[:size], self._rest[size:]
            size -= len(part)
            yield part

    def skip(self, size: int) -> None:
        for _ in self.parts(size):
            pass

    def end(self) -> None:
        """Read what is left: that the last block is there and intact is part of being whole."""
        for block in chain((self._rest,), self._blocks):
            if any(block):
                raise Damaged("something follows after its end")


class _Tree(AbstractContextManager["_Tree"]):
    """Where it is made: each name in the directory above it, reached through no link, and over nothing."""

    def __init__(self, root: Path, account: User) -> None:
        self._account = account
        self._root = os.open(root, FOLDER)
        self._path, self._folder = "", os.open(root, FOLDER)

    def __exit__(self, *_: object) -> None:
        os.close(self._folder)
        os.close(self._root)

    def add_folder(self, above: str, name: str, mode: int) -> None:
        """Its owner can always use it, whatever `mode` says, for more is to come into it."""
        os.mkdir(name, 0o700, dir_fd=self._at(above))
        handle = os.open(name, FOLDER, dir_fd=self._folder)
        try:
            self._finish(handle, mode | 0o700)
        finally:
            os.close(handle)

    def add_file(self, above: str, name: str, mode: int, parts: Iterable[memoryview]) -> None:
        handle = os.open(name, ANEW, 0o600, dir_fd=self._at(above))
        try:
            for part in parts:
                rest = part
                while rest:
                    rest = rest[os.write(handle, rest) :]
            self._finish(handle, mode)
        finally:
            os.close(handle)

    def hand_over(self) -> None:
        self._finish(self._root, 0o700)

    def _finish(self, handle: int, mode: int) -> None:
        if not is_caller(self._account):
            os.fchown(handle, self._account.uid, self._account.gid)
        os.fchmod(handle, mode & PERMISSIONS)

    def _at(self, path: str) -> int:
        """The directory of this path, kept open until another is asked for: files come directory by directory."""
        if path != self._path:
            folder = os.open(".", FOLDER, dir_fd=self._root)
            try:
                for part in path.split("/") if path else ():
                    above, folder = folder, os.open(part, FOLDER, dir_fd=folder)
                    os.close(above)
            except BaseException:
                os.close(folder)
                raise
            os.close(self._folder)
            self._path, self._folder = path, folder
        return self._folder
