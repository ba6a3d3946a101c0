"""Twins of the sealer and the artifact store: releases that exist in memory alone, for tests of what stands above."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import BadInput, Errored, GreenroomError, Refused
from greenroom.domain.release import Descriptor, Finding
from greenroom.ports.artifacts import Built, CleanRoom, Say, Sealed, Source
from greenroom.ports.runtime import Unpacked


@dataclass
class Stored:
    """One release; `changed` names a file somebody changed after the seal."""

    descriptor: Descriptor
    documents: dict[str, Any]
    size: int
    signed: bool = True
    changed: str = ""


class MemoryArtifacts:
    """Keeps the promises of `ports.artifacts.Artifacts` without a disk."""

    def __init__(self) -> None:
        self.stored: dict[str, Stored] = {}
        self.unpacked: list[str] = []

    def put(self, descriptor: Descriptor, files: dict[str, str], documents: dict[str, Any] | None = None) -> str:
        """Store a release; the same contents have the same digest."""
        digest = digest_of({"descriptor": descriptor.as_dict(), "files": files})
        about = documents or {"sbom": {"bomFormat": "CycloneDX"}, "provenance": {"predicateType": "memory"}}
        self.stored.setdefault(digest, Stored(descriptor, about, sum(len(v) for v in files.values())))
        return digest

    def tamper(self, digest: str, file: str) -> None:
        """From now on `file` of this release is not what was sealed."""
        self.stored[digest].changed = file

    def verify(self, digest: str) -> Descriptor:
        found = self._found(digest)
        if not found.signed:
            raise Refused("artifact.unsigned", f"{digest[:19]} carries no signature that is trusted here")
        if found.changed:
            raise Refused(
                "artifact.tampered",
                f"{digest[:19]} was changed after it was sealed",
                because=f"{found.changed} was changed",
                hint="seal the commit again",
                facts={"digest": digest, "path": found.changed},
            )
        return found.descriptor

    def unpack(self, digest: str) -> Unpacked:
        descriptor = self.verify(digest)
        self.unpacked.append(digest)
        return Unpacked(digest, Path("/memory") / digest.removeprefix("sha256:"), descriptor)

    def check_laid_out(self, digest: str) -> None:
        self.verify(digest)

    def digests(self) -> set[str]:
        return set(self.stored)

    def documents(self, digest: str) -> dict[str, Any]:
        self.verify(digest)
        return self.stored[digest].documents

    def remove(self, gone: Iterable[str]) -> int:
        return sum(self.stored.pop(d).size for d in set(gone) & set(self.stored))

    def _found(self, digest: str) -> Stored:
        if digest not in self.stored:
            raise Errored("artifact.missing", f"the release {digest[:19]} is not in the artifact store")
        return self.stored[digest]


@dataclass
class MemorySealer:
    """Keeps the promises of `ports.artifacts.Sealer`; commits are what `commits` says, and outcomes are chosen.

    `fails` maps a step's name (`fetch`, `build`, `clean_room`, `seal`) to the error it raises.
    """

    artifacts: MemoryArtifacts
    commits: dict[str, str] = field(default_factory=dict)  # name → full hash; empty: every name is its own hash
    findings: tuple[Finding, ...] = ()
    healthy: bool = True
    fails: dict[str, GreenroomError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    on_step: Callable[[str], None] = lambda _: None

    def resolve(self, repository: str, commit: str) -> str:
        full = self.commits.get(commit) if self.commits else commit
        if full is None:
            raise BadInput("release.commit_unknown", f"{commit[:80]!r} names no commit in {repository}")
        return full

    def fetch(self, repository: str, commit: str, work_id: str, say: Say) -> Source:
        self._step("fetch", say)
        return Source(self.resolve(repository, commit), Path("/memory") / work_id / "source", repository)

    def build(self, source: Source, descriptor: Descriptor, work_id: str, say: Say) -> Built:
        self._step("build", say)
        return Built(source, descriptor, Path("/memory") / work_id / "root", ())

    def clean_room(self, built: Built, work_id: str, say: Say) -> CleanRoom:
        self._step("clean_room", say)
        return CleanRoom(self.healthy, self.findings, 0.1, "started" if self.healthy else "it ended at once")

    def seal(self, built: Built, work_id: str, say: Say) -> Sealed:
        self._step("seal", say)
        digest = self.artifacts.put(built.descriptor, {"commit": built.source.commit})
        return Sealed(digest, self.artifacts.stored[digest].size, digest_of("sbom"), digest_of("provenance"))

    def forget(self, work_id: str) -> None:
        self.calls.append("forget")

    def _step(self, name: str, say: Say) -> None:
        self.calls.append(name)
        self.on_step(name)
        say(name)
        if name in self.fails:
            raise self.fails[name]
