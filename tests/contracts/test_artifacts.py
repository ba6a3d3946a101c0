"""Every artifact store keeps these promises: the image layout on disk, and its twin in memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from greenroom.adapters.home import Home
from greenroom.adapters.memory.artifacts import MemoryArtifacts
from greenroom.adapters.sealing.files import remove_tree
from greenroom.adapters.sealing.sealer import OciSealer
from greenroom.adapters.sealing.signing import Keyring
from greenroom.adapters.sealing.store import OciArtifacts
from greenroom.adapters.sealing.tools import HostToolchain, Recipe
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.release import Descriptor, Language, Process
from greenroom.ports.artifacts import Artifacts, Built, Source

FILES = {"bin/web": "#!/bin/sh\necho hello\n", "static/a.txt": "a", "shared.txt": "the same in every release"}


def descriptor(version: str = "1") -> Descriptor:
    return Descriptor("shop", version, Language.NONE, (Process("web", ("bin/web",)),))


class Memory:
    """How the suite reaches into the twin."""

    def __init__(self, _: Path) -> None:
        self.artifacts: Artifacts = MemoryArtifacts()

    def put(self, version: str, files: dict[str, str]) -> str:
        return self.artifacts.put(descriptor(version), files)

    def tamper(self, digest: str) -> str:
        self.artifacts.tamper(digest, "static/a.txt")
        return "static/a.txt"

    def unsign(self, digest: str) -> None:
        self.artifacts.stored[digest].signed = False

    def close(self) -> None:
        """Nothing is left."""


class Oci:
    """How the suite reaches into the layout on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = Home.at(directory / "home")
        self.keyring = Keyring(self.home.private)
        tools = HostToolchain(self.home)
        self.artifacts: Artifacts = OciArtifacts(self.home, self.keyring, tools)
        self.sealer = OciSealer(self.home, self.keyring, None, tools, lambda tree, commit: Recipe(Language.NONE))

    def put(self, version: str, files: dict[str, str]) -> str:
        return self.sealer.seal(self.built(version, files), "work", lambda line: None).digest

    def built(self, version: str, files: dict[str, str]) -> Built:
        root = self.directory / "built"
        shutil.rmtree(root, ignore_errors=True)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
            (root / name).chmod(0o755 if name.startswith("bin/") else 0o644)
        return Built(Source("c" * 40, root, "repo"), descriptor(version), root, ())

    def tamper(self, digest: str) -> str:
        target = self.artifacts.unpack(digest).root / "static/a.txt"
        target.chmod(0o644)
        target.write_text("b")
        target.chmod(0o444)
        return "static/a.txt"

    def unsign(self, digest: str) -> None:
        path = self.home.artifacts / "index.json"
        index = json.loads(path.read_bytes())
        index["manifests"] = [m for m in index["manifests"] if "artifactType" not in m]
        path.write_text(json.dumps(index))

    def close(self) -> None:
        remove_tree(self.home.root)
        remove_tree(self.home.run)


@pytest.fixture(params=[Memory, Oci], ids=["memory", "oci"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory | Oci]:
    made = request.param(tmp_path)
    yield made
    made.close()


def test_what_was_sealed_comes_back(store: Memory | Oci) -> None:
    """A sealed release verifies, gives its descriptor back, and is among those stored."""
    digest = store.put("1", FILES)
    assert store.artifacts.verify(digest) == descriptor("1")
    assert store.artifacts.digests() == {digest}
    unpacked = store.artifacts.unpack(digest)
    assert (unpacked.digest, unpacked.descriptor) == (digest, descriptor("1"))


def test_same_content_same_digest(store: Memory | Oci) -> None:
    """Sealing equal content again gives the digest that is there; other content, or another descriptor, another."""
    first = store.put("1", FILES)
    assert store.put("1", FILES) == first
    assert store.artifacts.digests() == {first}
    assert store.put("1", FILES | {"static/a.txt": "b"}) != first
    assert store.put("2", FILES) != first


def test_a_changed_file_is_refused_by_name(store: Memory | Oci) -> None:
    """After a file was changed the release is not given out, and the refusal names the file."""
    digest = store.put("1", FILES)
    store.artifacts.unpack(digest)
    name = store.tamper(digest)
    with pytest.raises(Refused) as refused:
        store.artifacts.unpack(digest)
    assert refused.value.code == "artifact.tampered"
    assert name in refused.value.because


def test_an_unsigned_release_is_refused(store: Memory | Oci) -> None:
    """Without a trusted signature a release neither verifies nor starts."""
    digest = store.put("1", FILES)
    store.unsign(digest)
    for ask in (store.artifacts.verify, store.artifacts.unpack):
        with pytest.raises(Refused) as refused:
            ask(digest)
        assert refused.value.code == "artifact.unsigned"


def test_an_unknown_release_is_missing(store: Memory | Oci) -> None:
    """What was never sealed is an error that says so, not an answer."""
    store.put("1", FILES)
    for ask in (store.artifacts.verify, store.artifacts.unpack, store.artifacts.documents):
        with pytest.raises(Errored) as errored:
            ask("sha256:" + "0" * 64)
        assert errored.value.code == "artifact.missing"


def test_documents_are_there(store: Memory | Oci) -> None:
    """Each release has a bill of materials and a provenance."""
    found = store.artifacts.documents(store.put("1", FILES))
    assert found["sbom"]["bomFormat"] == "CycloneDX"
    assert found["provenance"]["predicateType"]


def test_remove_leaves_all_others_whole(store: Memory | Oci) -> None:
    """Removing frees bytes, forgets what is named, and harms nothing else, though they share files."""
    old, kept = store.put("1", FILES), store.put("2", FILES | {"static/a.txt": "new"})
    store.artifacts.unpack(old)
    assert store.artifacts.remove({old}) > 0
    assert store.artifacts.digests() == {kept}
    assert store.artifacts.unpack(kept).descriptor == replace(descriptor(), version="2")
    with pytest.raises(Errored):
        store.artifacts.unpack(old)
    assert store.artifacts.remove({old}) == 0
