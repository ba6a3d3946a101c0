"""An OCI image layout on disk, shared by all releases: equal blobs are stored once.

Format: image-layout of https://github.com/opencontainers/image-spec (v1.1). A kill at any moment leaves a
valid layout: blobs are written to a temporary name and renamed, `index.json` follows last, under a lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from greenroom.adapters.sealing.files import sync_directory, write_atomically
from greenroom.domain.canonical import canonical
from greenroom.domain.errors import Errored, Refused

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
INDEX = "application/vnd.oci.image.index.v1+json"

MAX_DOCUMENT = 64 << 20
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Reference = dict[str, Any]
"""An OCI content descriptor: mediaType, digest, size."""


class Layout:
    """One image layout in `root`. Many processes may write at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"

    def prepare(self) -> None:
        """Make the layout if there is none. Idempotent."""
        self.blobs.mkdir(parents=True, exist_ok=True)
        marker = self.root / "oci-layout"
        if not marker.exists():
            write_atomically(marker, canonical({"imageLayoutVersion": "1.0.0"}))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While it is held, `collecting` waits: a blob that no index names yet is not garbage."""
        with _locked(self.root / ".collect.lock", fcntl.LOCK_SH):
            yield

    @contextmanager
    def collecting(self) -> Iterator[None]:
        with _locked(self.root / ".collect.lock", fcntl.LOCK_EX):
            yield

    def path(self, digest: str) -> Path:
        """Where a blob lies. Raises Errored (`artifact.missing`) for what is not a digest."""
        if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            raise Errored(
                "artifact.missing",
                f"{str(digest)[:80]!r} is not a release's digest",
                hint="greenroom release list shows the releases there are",
            )
        return self.blobs / digest.removeprefix("sha256:")

    def put(self, data: bytes, media_type: str) -> Reference:
        """Store bytes under their digest; what is there already, whole, stays."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        target = self.path(digest)
        if not _holds(target, digest):
            write_atomically(target, data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def put_layer(self, write: Callable[[tarfile.TarFile], None]) -> Reference:
        """Store the tar that `write` fills."""
        handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=self.blobs)
        try:
            with os.fdopen(handle, "wb") as file:
                hashing = _Hashing(file)
                with tarfile.open(fileobj=cast(BinaryIO, hashing), mode="w|", format=tarfile.PAX_FORMAT) as tar:
                    write(tar)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            digest = "sha256:" + hashing.hash.hexdigest()
            if _holds(self.path(digest), digest):
                Path(temporary).unlink()
            else:
                Path(temporary).rename(self.path(digest))
                sync_directory(self.blobs)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return {"mediaType": LAYER, "digest": digest, "size": hashing.size}

    def read(self, digest: str, what: str) -> bytes:
        """A document's bytes, hashed. Raises Errored (`artifact.missing`), Refused (`artifact.tampered`)."""
        path = self.path(digest)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_DOCUMENT + 1)
        except FileNotFoundError:
            raise missing(digest, what) from None
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise tampered(digest, f"the {what} ({path.name[:12]}) is not what was sealed", str(path))
        return data

    def check(self, reference: Reference, what: str) -> None:
        """Hash a blob of any size. Raises as `read`."""
        path = self.path(reference["digest"])
        try:
            with path.open("rb") as file:
                found = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise missing(reference["digest"], what) from None
        if found != reference["digest"]:
            raise tampered(reference["digest"], f"the {what} ({path.name[:12]}) is not what was sealed", str(path))

    def index(self) -> list[Reference]:
        """Every manifest stored. Raises Refused (`artifact.tampered`) when the index cannot be read as one."""
        path = self.root / "index.json"
        try:
            found = json.loads(path.read_bytes())
            manifests = found["manifests"]
            if all(isinstance(m, dict) and DIGEST.fullmatch(str(m.get("digest"))) for m in manifests):
                return list(manifests)
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise tampered("the artifact store", "index.json is not an OCI index", str(path))

    def add(self, references: Iterable[Reference]) -> None:
        """Name these manifests in the index; those named already stay as they are."""
        with _locked(self.root / ".index.lock", fcntl.LOCK_EX):
            known = self.index()
            have = {m["digest"] for m in known}
            fresh = [r for r in references if r["digest"] not in have]
            if fresh:
                self._write_index([*known, *fresh])

    def keep(self, wanted: Callable[[Reference], bool]) -> list[Reference]:
        """Drop every manifest that is not wanted from the index; those that remain."""
        with _locked(self.root / ".index.lock", fcntl.LOCK_EX):
            known = self.index()
            kept = [m for m in known if wanted(m)]
            if len(kept) != len(known):
                self._write_index(kept)
            return kept

    def _write_index(self, manifests: list[Reference]) -> None:
        data = canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
        write_atomically(self.root / "index.json", data)


def tampered(digest: str, because: str, path: str = "") -> Refused:
    return Refused(
        "artifact.tampered",
        f"{digest[:19]} was changed after it was sealed",
        because=because,
        hint="nothing of it was started; find out who changed it, then seal the commit again",
        facts={"digest": digest, "path": path},
    )


def missing(digest: str, what: str) -> Errored:
    return Errored(
        "artifact.missing",
        f"the {what} of {digest[:19]} is not in the artifact store",
        hint="seal the commit again: the same commit gives the same digest",
        facts={"digest": digest},
    )


def parsed(data: bytes, digest: str) -> dict[str, Any]:
    """A JSON object; raises Refused (`artifact.tampered`) for anything else."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):  # no JSON, or nested without end
        found = None
    if not isinstance(found, dict):
        raise tampered(digest, "a document in it is not a JSON object")
    return found


def _holds(path: Path, digest: str) -> bool:
    """True if the blob is there and whole: a damaged one is written again, not trusted."""
    try:
        with path.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest() == digest
    except FileNotFoundError:
        return False


class _Hashing:
    """A file that is only written to, and hashed on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.size += len(data)
        return self._file.write(data)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)
