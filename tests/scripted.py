"""Stand-ins for sealing, databases and the probe that do what a test scripted, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.release import Descriptor, Services
from greenroom.domain.secret import Secret
from greenroom.ports.artifacts import Built, CleanRoom, Say, Sealed, Source
from greenroom.ports.clock import Clock
from greenroom.ports.databases import Database, Lost, RestorePoint
from greenroom.ports.probe import Answer
from greenroom.ports.runtime import Unpacked


@dataclass
class ScriptedProbe:
    """Answers 200 at once, or what `answers` says for a dial."""

    answers: dict[str, Answer] = field(default_factory=dict)

    def get(self, dial: str, path: str, *, seconds: float) -> Answer:
        return self.answers.get(dial, Answer(200, 0.001))


class ScriptedArtifacts:
    """Keeps descriptors by digest. `tampered` digests are refused."""

    def __init__(self) -> None:
        self.kept: dict[str, Descriptor] = {}

    def keep(self, digest: str, descriptor: Descriptor) -> None:
        self.kept[digest] = descriptor

    def verify(self, digest: str) -> Descriptor:
        if digest not in self.kept:
            raise Errored("artifact.missing", f"{digest} is not stored")
        return self.kept[digest]

    def unpack(self, digest: str) -> Unpacked:
        return Unpacked(digest, Path("/nonexistent") / digest[7:19], self.verify(digest))

    def digests(self) -> set[str]:
        return set(self.kept)

    def documents(self, digest: str) -> dict[str, Any]:
        self.verify(digest)
        return {"sbom": {"bomFormat": "CycloneDX"}, "provenance": {"payloadType": "application/vnd.in-toto+json"}}

    def collect(self, keep: Iterable[str]) -> int:
        kept = set(keep)
        gone = [d for d in self.kept if d not in kept]
        for digest in gone:
            del self.kept[digest]
        return 1000 * len(gone)


class ScriptedSealer:
    """Seals what `commits` knows: a version and its greenroom.yaml by commit. Clean, unless `rooms` says otherwise."""

    def __init__(self, artifacts: ScriptedArtifacts, root: Path) -> None:
        self.commits: dict[str, str] = {}
        self.rooms: dict[str, CleanRoom] = {}
        self._artifacts = artifacts
        self._root = root

    def fetch(self, repository: str, commit: str, work_id: str, say: Say) -> Source:
        if commit not in self.commits:
            raise BadInput("release.commit_unknown", f"{commit!r} is not a commit")
        tree = self._root / work_id
        tree.mkdir(parents=True, exist_ok=True)
        (tree / "greenroom.yaml").write_text(self.commits[commit])
        return Source(hashlib.sha1(commit.encode()).hexdigest(), tree, repository)

    def build(self, source: Source, descriptor: Descriptor, work_id: str, say: Say) -> Built:
        return Built(source, descriptor, source.tree, ())

    def clean_room(self, built: Built, work_id: str, say: Say) -> CleanRoom:
        return self.rooms.get(built.descriptor.version, CleanRoom(True, (), 0.1, ""))

    def seal(self, built: Built, work_id: str, say: Say) -> Sealed:
        text = f"{built.descriptor.project} {built.descriptor.version}"
        digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        self._artifacts.keep(digest, built.descriptor)
        return Sealed(digest, 1000, "sha256:" + "1" * 64, "sha256:" + "2" * 64)

    def forget(self, work_id: str) -> None:
        """Nothing is kept outside the test's directory."""


class ScriptedDatabases:
    """A schema is a word: `schema[environment]`. Restore points keep it; what was written since is `written`."""

    def __init__(self, clock: Clock) -> None:
        self.schema: dict[str, str] = {}
        self.written: Mapping[str, tuple[int, int, int]] = {}
        self._clock = clock
        self._points: dict[tuple[str, str], tuple[RestorePoint, str]] = {}
        self._aside: dict[tuple[str, str], str] = {}

    def ensure(self, environment: str, services: Services) -> Database:
        self.schema.setdefault(environment, "empty")
        return Database(environment, Secret(f"postgresql://app:pw-{environment}@/shop"), "18.4", "scripted")

    @contextmanager
    def scratch(self, services: Services) -> Iterator[Database]:
        yield Database("scratch", Secret("postgresql://app:pw@/scratch"), "18.4", "scripted")

    def fingerprint(self, environment: str) -> str:
        return "sha256:" + hashlib.sha256(self.schema.get(environment, "empty").encode()).hexdigest()

    @contextmanager
    def migration_lock(self, environment: str, *, seconds: float) -> Iterator[None]:
        yield

    def make_restore_point(self, environment: str, name: str) -> RestorePoint:
        point = RestorePoint(name, environment, self._clock.now(), 4096)
        return self._points.setdefault((environment, name), (point, self.schema.get(environment, "empty")))[0]

    def restore_points(self, environment: str) -> list[RestorePoint]:
        found = [p for (e, _), (p, _) in self._points.items() if e == environment]
        return sorted(found, key=lambda p: p.at, reverse=True)

    def would_lose(self, point: RestorePoint) -> Lost:
        return Lost(point.at, self.written)

    def restore(self, point: RestorePoint, *, aside: str) -> None:
        present = self.schema.get(point.environment, "empty")
        if self._aside.setdefault((point.environment, aside), present) == present:
            self.schema[point.environment] = self._points[point.environment, point.name][1]

    def put_back(self, environment: str, *, aside: str) -> None:
        if (environment, aside) in self._aside:
            self.schema[environment] = self._aside.pop((environment, aside))

    def drop_restore_points(self, environment: str, keep: int) -> int:
        old = self.restore_points(environment)[keep:]
        for point in old:
            del self._points[environment, point.name]
        return len(old)

    def connections(self, environment: str) -> int:
        return 0

    def stop(self, environment: str) -> None:
        """Nothing runs."""
