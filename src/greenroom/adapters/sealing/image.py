"""A release as an OCI image: three layers (dependencies, files, list of files), and documents that refer to it.

Formats: image manifest, image config and referrers of https://github.com/opencontainers/image-spec (v1.1).
Layers are plain tar: a compressor's next version would give other bytes for the same files.
"""

from __future__ import annotations

import io
import json
import platform
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from greenroom.adapters.sealing.files import (
    DIRECTORY,
    FILE,
    LINK,
    MAX_BYTES,
    MAX_FILES,
    Entry,
    checked_link,
    checked_path,
    checked_tree,
)
from greenroom.adapters.sealing.layout import MANIFEST, Layout, Reference, parsed, tampered
from greenroom.domain.canonical import canonical
from greenroom.domain.release import Descriptor

CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"

APP = "app/"
"""Where the release's files lie in the image."""

FILE_LIST = ".greenroom/files.json"
"""The third layer's only file: what must lie where, with mode and SHA-256, so a start can check every byte."""

LABEL = "dev.greenroom.descriptor"
SUBJECT = "dev.greenroom.subject"


@dataclass(frozen=True)
class Image:
    """A verified image's parts."""

    digest: str
    manifest: dict[str, Any]
    descriptor: Descriptor

    @property
    def layers(self) -> list[Reference]:
        return list(self.manifest["layers"])

    @property
    def size(self) -> int:
        return sum(int(x["size"]) for x in [*self.layers, self.manifest["config"]])


def put_image(layout: Layout, root: Path, entries: Sequence[Entry], descriptor: Descriptor) -> Reference:
    """Store the release in `root` as an image; its manifest's reference, not yet in the index."""
    layers = [
        layout.put_layer(lambda tar: _fill(tar, root, (e for e in entries if is_dependency(e)))),
        layout.put_layer(lambda tar: _fill(tar, root, (e for e in entries if not is_dependency(e)))),
        layout.put_layer(lambda tar: _add_bytes(tar, FILE_LIST, canonical([e.as_list() for e in entries]))),
    ]
    config = layout.put(canonical(_config(descriptor, layers)), CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    return layout.put(canonical(manifest), MANIFEST)


def put_referrer(layout: Layout, subject: Reference, artifact_type: str, data: bytes, media_type: str) -> Reference:
    """Store a document about `subject`; its manifest's reference, not yet in the index."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": artifact_type,
        "config": layout.put(b"{}", EMPTY),
        "layers": [layout.put(data, media_type)],
        "subject": {k: subject[k] for k in ("mediaType", "digest", "size")},
    }
    reference = layout.put(canonical(manifest), MANIFEST)
    return {**reference, "artifactType": artifact_type, "annotations": {SUBJECT: subject["digest"]}}


def referrers(layout: Layout, digest: str, artifact_type: str) -> list[tuple[str, bytes]]:
    """Documents of one type about a release, each with its digest; hashed, and really about it."""
    found = []
    for entry in layout.index():
        notes = entry.get("annotations")
        about = notes.get(SUBJECT) if isinstance(notes, dict) else None
        if entry.get("artifactType") != artifact_type or about != digest:
            continue
        manifest = parsed(layout.read(entry["digest"], "document's manifest"), digest)
        try:
            subject, (layer,) = manifest["subject"]["digest"], manifest["layers"]
            document = str(layer["digest"])
        except (KeyError, TypeError, ValueError, RecursionError):
            raise tampered(digest, "a document's manifest is malformed") from None
        if subject == digest:
            found.append((document, layout.read(document, "document")))
    return found


def read_image(layout: Layout, digest: str) -> Image:
    """The image's manifest and descriptor, hashed; its layers are not. Raises as `read`."""
    manifest = parsed(layout.read(digest, "manifest"), digest)
    try:
        config = parsed(layout.read(manifest["config"]["digest"], "image config"), digest)
        descriptor = Descriptor.from_dict(json.loads(config["config"]["Labels"][LABEL]))
        layers = [x["digest"] for x in manifest["layers"]]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise tampered(digest, "the manifest is not that of a release") from None
    if len(layers) != 3:
        raise tampered(digest, "the manifest is not that of a release")
    return Image(digest, manifest, descriptor)


def file_list(layout: Layout, image: Image) -> list[Entry]:
    """What must lie where, as the image itself lists it. Raises Refused (`artifact.tampered`) for a list that no seal
    makes: of wrong kinds, past the limits, not one tree."""
    data = layout.read(image.layers[2]["digest"], "list of files")
    try:
        return list(_listed(data))
    except (tarfile.TarError, ValueError, TypeError, RecursionError) as error:
        raise tampered(image.digest, f"the list of files is malformed: {str(error)[:200]!r}") from None


@lru_cache(maxsize=8)
def _listed(data: bytes) -> tuple[Entry, ...]:
    """Read and checked once for these very bytes: a release is asked for before each of its starts."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        member = tar.next()
        if member is None or member.name != FILE_LIST or not member.isreg():
            raise ValueError("it is not there")
        rows = json.loads(data[member.offset_data : member.offset_data + member.size])
    if not isinstance(rows, list) or len(rows) > MAX_FILES:
        raise ValueError("it is no list, or too long")
    entries = tuple(_checked(Entry(*row)) for row in rows)
    if sum(e.size for e in entries) > MAX_BYTES:
        raise ValueError("its files are too large")
    checked_tree((e.path, e.kind) for e in entries)
    return entries


def _checked(entry: Entry) -> Entry:
    """An entry as a seal writes it. Raises ValueError."""
    texts = (entry.path, entry.kind, entry.digest, entry.target)
    if not all(isinstance(t, str) for t in texts) or not all(type(n) is int for n in (entry.mode, entry.size)):
        raise ValueError("an entry has values of wrong kinds")
    if entry.kind not in (FILE, DIRECTORY, LINK) or entry.size < 0 or not 0 <= entry.mode <= 0o777:
        raise ValueError(f"{entry.path[:200]!r} has no kind, size or mode that a seal gives")
    checked_path(entry.path)
    if entry.kind == LINK:
        checked_link(entry.path, entry.target)
    return entry


def is_dependency(entry: Entry) -> bool:
    """Dependencies make a layer of their own: releases with the same lock file share it."""
    return entry.path.split("/")[0] == ".venv" or "node_modules" in entry.path.split("/")


def _config(descriptor: Descriptor, layers: list[Reference]) -> dict[str, Any]:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "architecture": machine,
        "os": "linux",
        "config": {
            "Entrypoint": list(descriptor.processes[0].command) if descriptor.processes else [],
            "WorkingDir": "/" + APP.rstrip("/"),
            "Labels": {
                LABEL: canonical(descriptor.as_dict()).decode(),
                "org.opencontainers.image.title": descriptor.project,
                "org.opencontainers.image.version": descriptor.version,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [x["digest"] for x in layers]},
    }


def _fill(tar: tarfile.TarFile, root: Path, entries: Iterable[Entry]) -> None:
    for entry in entries:
        member = tarfile.TarInfo(APP + entry.path)
        member.mode = entry.mode
        if entry.kind == FILE:
            member.size = entry.size
            with (root / entry.path).open("rb") as file:
                tar.addfile(member, file)
            continue
        member.type = tarfile.DIRTYPE if entry.kind == DIRECTORY else tarfile.SYMTYPE
        member.linkname = entry.target
        tar.addfile(member)


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.mode, member.size = 0o644, len(data)
    tar.addfile(member, io.BytesIO(data))
