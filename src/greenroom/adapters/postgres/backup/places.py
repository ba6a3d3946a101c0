"""Where a repository's files lie: a directory of this machine, or a bucket of any S3-compatible store.

A file appears whole or not at all, and lasts once `write` has returned.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from greenroom.adapters.postgres.backup.crypt import CHUNK, HEAD, TAG
from greenroom.adapters.postgres.tools import disk_full
from greenroom.adapters.sealing.files import sync_directory
from greenroom.domain.errors import Errored

BLOCK = 1 << 20
UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Stored:
    """A file in a place: its path below it, `/` between names, and its size in bytes."""

    path: str
    bytes: int


class Place(Protocol):
    """All methods raise Errored: `backup.place` when the place cannot be used, `backup.absent` when the file is not
    there, `database.disk_full`."""

    words: str

    def write(self, path: str, parts: Iterable[bytes]) -> int:
        """Replace the file; its size."""

    def read(self, path: str) -> Iterator[bytes]:
        """Its contents; what keeps them from being read is raised when they are."""

    def all(self, prefix: str) -> list[Stored]:
        """Files whose path begins with `prefix` (whole names, `/` at its end), in order; unfinished ones are not."""

    def delete(self, path: str) -> None:
        """Idempotent."""


class Directory:
    """A directory that belongs to Greenroom, 0700."""

    def __init__(self, root: Path) -> None:
        self.root, self.words = root, str(root)

    def write(self, path: str, parts: Iterable[bytes]) -> int:
        target = self.root / path
        temporary = target.with_name(f"{UNFINISHED}{target.name}")
        with self._translated(f"write {path}"):
            self._make(target.parent)
            try:
                with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as f:
                    for part in parts:
                        f.write(part)
                    f.flush()
                    os.fsync(f.fileno())
                    size = f.tell()
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            temporary.rename(target)
            sync_directory(target.parent)
        return size

    def read(self, path: str) -> Iterator[bytes]:
        try:
            handle = os.open(self.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise _absent(path, self.words) from None
        except OSError as error:
            raise _unusable(self.words, f"read {path}", error) from error
        with open(handle, "rb", buffering=0) as file, self._translated(f"read {path}"):
            yield file.read(HEAD)
            while block := file.read(CHUNK + TAG):  # each is a sealed one as it lies: nobody has to put it together
                yield block

    def all(self, prefix: str) -> list[Stored]:
        top = self.root / prefix
        with self._translated(f"list {prefix}"):
            files = (
                [p for p in top.rglob("*") if not p.name.startswith(UNFINISHED) and p.is_file()] if top.is_dir() else []
            )
            return sorted(
                (Stored(str(p.relative_to(self.root)), p.stat().st_size) for p in files), key=lambda s: s.path
            )

    def delete(self, path: str) -> None:
        with self._translated(f"delete {path}"):
            (self.root / path).unlink(missing_ok=True)
            parent = (self.root / path).parent
            if parent != self.root and parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()

    def free(self) -> int:
        """Bytes that can still be stored."""
        self._make(self.root)
        return shutil.disk_usage(self.root).free

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (28, 122):  # ENOSPC, EDQUOT
                raise disk_full(f"{self.words}: {error.strerror}") from error
            raise _unusable(self.words, doing, error) from error


class Bucket:
    """A bucket, or a part of one, through obstore: `url` is `s3://BUCKET/PREFIX`."""

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        from obstore.store import from_url

        self.words = url
        client = {"timeout": "60s", "connect_timeout": "10s"}
        if options.get("endpoint", "").startswith("http://"):
            client["allow_http"] = "true"
        try:
            retries: Any = {"max_retries": 3}
            self._store: Any = from_url(url, client_options=client, retry_config=retries, **options)  # type: ignore[call-overload]
        except Exception as error:
            raise _unusable(url, "open it", error) from error

    def write(self, path: str, parts: Iterable[bytes]) -> int:
        import obstore

        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for part in parts:
                size += len(part)
                yield part

        with self._translated(f"write {path}"):
            obstore.put(self._store, path, counted(), use_multipart=True, chunk_size=8 << 20, max_concurrency=2)
        return size

    def read(self, path: str) -> Iterator[bytes]:
        import obstore

        with self._translated(f"read {path}", path):
            found = obstore.get(self._store, path)
        return self._blocks(found, path)

    def _blocks(self, found: Any, path: str) -> Iterator[bytes]:
        with self._translated(f"read {path}", path):
            for block in found.stream(min_chunk_size=BLOCK):
                yield bytes(block)

    def all(self, prefix: str) -> list[Stored]:
        import obstore

        with self._translated(f"list {prefix}"):
            found = [Stored(m["path"], m["size"]) for page in obstore.list(self._store, prefix or None) for m in page]
        return sorted(found, key=lambda s: s.path)

    def delete(self, path: str) -> None:
        import obstore

        try:
            with self._translated(f"delete {path}", path):
                obstore.delete(self._store, path)
        except Errored as error:
            if error.code != "backup.absent":
                raise

    @contextmanager
    def _translated(self, doing: str, path: str = "") -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise _absent(path, self.words) from None
        except (BaseError, OSError) as error:
            raise _unusable(self.words, doing, error) from error


def _absent(path: str, where: str) -> Errored:
    return Errored("backup.absent", f"{path} is not in {where}", hint="greenroom backup verify shows what is whole")


def _unusable(where: str, doing: str, error: Exception) -> Errored:
    return Errored(
        "backup.place",
        f"could not {doing} in {where}",
        because=" ".join(str(error).split())[:500],
        hint="see that it is there and lets Greenroom write; nothing in production waits for it",
    )
