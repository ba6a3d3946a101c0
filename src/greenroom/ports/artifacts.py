"""Making and keeping sealed releases. From the seal on only these bytes move."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from greenroom.domain.release import Descriptor, Finding
from greenroom.ports.runtime import Unpacked

Say = Callable[[str], None]
"""Takes one line of progress for the person who waits."""


@dataclass(frozen=True)
class Source:
    """A commit's files, exported without git, and where they came from."""

    commit: str
    tree: Path
    repository: str


@dataclass(frozen=True)
class Built:
    """Files ready to be sealed: `root` is what every environment will see, read-only."""

    source: Source
    descriptor: Descriptor
    root: Path
    components: tuple[dict[str, Any], ...]  # name, version, purl, sha256 of each dependency
    toolchain: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CleanRoom:
    """What the one start with only what is declared showed."""

    healthy: bool
    findings: tuple[Finding, ...]
    boot_seconds: float
    output: str

    @property
    def blocking(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.blocking)


@dataclass(frozen=True)
class Sealed:
    """`digest` is the OCI manifest's; SBOM and provenance are referrers of it, so they do not change it."""

    digest: str
    size: int
    sbom_digest: str
    provenance_digest: str


class Sealer(Protocol):
    """Each step is idempotent under `work_id` and may be done again after a crash."""

    def resolve(self, repository: str, commit: str) -> str:
        """The full hash of what `commit` means there now; quick enough to be asked while a person waits.

        Raises BadInput (`release.commit_unknown`, `release.repository_unknown`), Errored (`release.git_missing`,
        `release.git_timeout`).
        """

    def fetch(self, repository: str, commit: str, work_id: str, say: Say) -> Source:
        """Export the commit and bring what its lock file names into the cache: the last step with a network.

        Raises BadInput (`release.commit_unknown`, `release.lock_missing`), Refused (`release.fetch_failed`).
        """

    def build(self, source: Source, descriptor: Descriptor, work_id: str, say: Say) -> Built:
        """Build in a clean room without network. Same commit, same toolchain: same bytes.

        Raises Refused (`release.build_failed`, `release.build_timeout`) with the end of the output.
        """

    def clean_room(self, built: Built, work_id: str, say: Say) -> CleanRoom:
        """Migrate and start it once with only what it declares, on a scratch database; ask its health."""

    def seal(self, built: Built, work_id: str, say: Say) -> Sealed:
        """Write the OCI image, the CycloneDX SBOM and the signed in-toto statement. Idempotent."""

    def forget(self, work_id: str) -> None:
        """Remove the working directories of a build that ended."""


class Artifacts(Protocol):
    def verify(self, digest: str) -> Descriptor:
        """Check the image's signature and digests. Raises Refused (`artifact.tampered`, `artifact.unsigned`)."""

    def unpack(self, digest: str) -> Unpacked:
        """Verify the image, lay it out (once), verify what lies there, byte for byte, and give it out.

        Called before every start. Raises Refused (`artifact.tampered`) naming the file, Errored (`artifact.missing`).
        """

    def check_laid_out(self, digest: str) -> None:
        """Check every byte of what lies on the ground, where it was laid out. Raises Refused (`artifact.tampered`)."""

    def digests(self) -> set[str]:
        """Every release stored."""

    def documents(self, digest: str) -> dict[str, Any]:
        """SBOM and provenance, parsed: keys `sbom`, `provenance`."""

    def remove(self, gone: Iterable[str]) -> int:
        """Remove these releases and every blob nothing refers to; bytes freed. What is sealed meanwhile stays."""
