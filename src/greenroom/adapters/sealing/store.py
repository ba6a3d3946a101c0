"""`OciArtifacts`: sealed releases on this machine, verified again before every start."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from greenroom.adapters.home import Home
from greenroom.adapters.sealing import documents, files, unpack
from greenroom.adapters.sealing.files import FILE, Entry
from greenroom.adapters.sealing.image import Image, file_list, read_image, referrers
from greenroom.adapters.sealing.languages import builder
from greenroom.adapters.sealing.layout import Layout, missing, parsed
from greenroom.adapters.sealing.signing import Keyring
from greenroom.adapters.sealing.tools import Toolchain
from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.release import Descriptor
from greenroom.ports.runtime import Unpacked


class OciArtifacts:
    """Implements `ports.artifacts.Artifacts` over the image layout in `home.artifacts`."""

    def __init__(self, home: Home, keyring: Keyring, toolchain: Toolchain) -> None:
        self._layout = Layout(home.artifacts)
        self._unpacked = home.artifacts / "unpacked"
        self._keyring = keyring
        self._toolchain = toolchain

    def verify(self, digest: str) -> Descriptor:
        image = self._signed_image(digest)
        self._check_layers(image)
        return image.descriptor

    def unpack(self, digest: str) -> Unpacked:
        image = self._signed_image(digest)
        language = builder(image.descriptor.language)
        interpreter = self._toolchain.find(image.descriptor.language, image.descriptor.runtime_version)
        sealed, local = self._wanted(image)
        root = self._unpacked / _directory_name(digest, local)
        with ThreadPoolExecutor(1) as beside:
            layers = beside.submit(self._check_layers, image)
            is_new = not root.is_dir()
            if is_new:
                layers.result()
                self._lay_out(image, sealed, root, local)
            try:
                unpack.check(root, digest, sealed | {e.path: _as_found(e) for e in local})
            except Refused:
                if is_new:  # nobody changed it here: the image itself is at odds with its list, and nothing of it stays
                    files.remove_tree(root)
                raise
            layers.result()
        return Unpacked(
            digest,
            root,
            image.descriptor,
            path_entries=tuple(root / p for p in language.path(interpreter)),
            env=dict(language.env(root)),
            needs=interpreter.needs if interpreter else (),
        )

    def check_laid_out(self, digest: str) -> None:
        image = self._signed_image(digest)
        sealed, local = self._wanted(image)
        root = self._unpacked / _directory_name(digest, local)
        if root.is_dir():
            unpack.check(root, digest, sealed | {e.path: _as_found(e) for e in local})

    def digests(self) -> set[str]:
        return {m["digest"] for m in self._layout.index() if "artifactType" not in m}

    def documents(self, digest: str) -> dict[str, Any]:
        read_image(self._layout, digest)
        statement, sbom = self._check_signature(digest)
        return {"sbom": parsed(sbom, digest), "provenance": statement}

    def remove(self, gone: Iterable[str]) -> int:
        unwanted = set(gone)
        self._layout.prepare()
        with self._layout.collecting():
            remaining = self._layout.keep(lambda m: _subject(m) not in unwanted)
            wanted = self._blobs_of([m["digest"] for m in remaining])
            freed = sum(_removed(p) for p in self._layout.blobs.iterdir() if p.name not in wanted)
            if self._unpacked.is_dir():
                kept = {m["digest"].removeprefix("sha256:") for m in remaining}
                freed += sum(_removed(p) for p in self._unpacked.iterdir() if p.name.split("-")[0] not in kept)
        return freed

    def _wanted(self, image: Image) -> tuple[dict[str, Entry], tuple[Entry, ...]]:
        """What must lie there once it is laid out: what was sealed, and what this machine adds."""
        interpreter = self._toolchain.find(image.descriptor.language, image.descriptor.runtime_version)
        sealed = {e.path: e for e in file_list(self._layout, image)}
        return sealed, builder(image.descriptor.language).local_files(sealed, interpreter)

    def _lay_out(self, image: Image, sealed: dict[str, Entry], root: Path, local: tuple[Entry, ...]) -> None:
        try:
            with self._layout.writing():
                unpack.lay_out(self._layout, image, sealed, root, local)
        except OSError as error:
            raise Errored(
                "artifact.unpack_failed",
                f"{image.digest[:19]} could not be laid out",
                because=str(error),
                hint="check the free space of the disk that holds Greenroom's home",
            ) from error

    def _signed_image(self, digest: str) -> Image:
        image = read_image(self._layout, digest)
        self._check_signature(digest)
        return image

    def _check_layers(self, image: Image) -> None:
        for layer in image.layers:
            self._layout.check(layer, "layer")

    def _check_signature(self, digest: str) -> tuple[dict[str, Any], bytes]:
        """The first provenance of this release that a trusted key signed, and the bill of materials it names."""
        envelopes = referrers(self._layout, digest, documents.PROVENANCE_TYPE)
        bills = dict(referrers(self._layout, digest, documents.SBOM_TYPE))
        for _, envelope in envelopes:
            statement = self._keyring.opened(envelope)
            named = documents.speaks_of(statement, digest) if statement else None
            if statement and named in bills:
                return statement, bills[named]
        if digest not in self.digests():
            raise missing(digest, "release")
        raise Refused(
            "artifact.unsigned",
            f"{digest[:19]} carries no signature that is trusted here",
            because="it has a statement of another signer" if envelopes else "it has no signed statement",
            hint="seal the commit again, or add the signer's public key",
        )

    def _blobs_of(self, manifests: list[str]) -> set[str]:
        wanted = set()
        for digest in manifests:
            manifest = json.loads(self._layout.read(digest, "manifest"))
            for reference in (digest, manifest["config"]["digest"], *(x["digest"] for x in manifest["layers"])):
                wanted.add(reference.removeprefix("sha256:"))
        return wanted


def _subject(manifest: dict[str, Any]) -> str:
    """The release that a manifest of the index is, or is about."""
    notes = manifest.get("annotations") or {}
    return str(notes.get("dev.greenroom.subject") or manifest["digest"])


def _directory_name(digest: str, local: tuple[Entry, ...]) -> str:
    """One directory per release and per interpreter it is tied to: another interpreter is not tampering."""
    name = digest.removeprefix("sha256:")
    return f"{name}-{digest_of([e.as_list() for e in local])[7:15]}" if local else name


def _as_found(entry: Entry) -> Entry:
    if entry.kind != FILE:
        return entry
    data = entry.target.encode()
    return replace(entry, target="", size=len(data), digest=hashlib.sha256(data).hexdigest())


def _removed(path: Path) -> int:
    size = files.size_of(path) if path.is_dir() else path.stat().st_size
    files.remove_tree(path)
    return size
