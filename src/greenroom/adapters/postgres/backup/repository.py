"""A repository: everything that a lost cluster is brought back from, in one place or two.

    SYSTEM/backups/NAME/{base, manifest, backup.json}     complete once backup.json is there; it is written last
    SYSTEM/backups/NAME/damaged.json                      why it is not used any more
    SYSTEM/wal/{SEGMENT, SEGMENT.partial, TIMELINE.history}
    SYSTEM/eras/INSTANT.json   SYSTEM/marks/NAME.json

SYSTEM is PostgreSQL's identifier of the cluster, so that a cluster made anew never mixes with the one before. Every
file is sealed under its path. What one place has lost or damaged is read from the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from greenroom.adapters.postgres.backup.crypt import Damaged, opened, sealed
from greenroom.adapters.postgres.backup.places import Place
from greenroom.domain.backup import Archive, Backup, Mark
from greenroom.domain.errors import Errored
from greenroom.domain.wal import Era

SMALL = 64 << 20


@dataclass(frozen=True)
class Repository:
    """The repository of one cluster. `second` None: one place only."""

    system: str
    key: bytes | None
    first: Place
    second: Place | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.first,) if self.second is None else (self.first, self.second)

    # --- files -------------------------------------------------------------------------------------

    def write(self, path: str, parts: Iterable[bytes], place: Place | None = None) -> int:
        """Seal and store below this cluster's directory; bytes stored."""
        full = f"{self.system}/{path}"
        return (place or self.first).write(full, sealed(parts, self.key, full))

    def read(self, path: str, place: Place, held: int = 0) -> Iterator[memoryview]:
        """Open one file of one place. Raises Errored (`backup.absent`, `backup.damaged`), the latter also midway.

        `held`: the memory of a block is used again once so many more were asked for. 0: never."""
        full = f"{self.system}/{path}"
        blocks = place.read(full)
        try:
            yield from opened(blocks, self.key, full, held)
        except Damaged as error:
            raise damaged(path, place, str(error)) from None

    def anywhere(self, path: str, use: Callable[[Iterator[memoryview]], Any], held: int = 0) -> Any:
        """Give the file's contents to `use`, from the first place that has it whole; `use` may be called again, and
        then begins anew. It raises Damaged when they are not what was written."""
        trouble: Errored | None = None
        for place in self.places:
            try:
                return use(self.read(path, place, held))
            except Damaged as error:
                found = damaged(path, place, str(error))
            except Errored as error:
                if error.code not in ("backup.absent", "backup.damaged", "backup.place"):
                    raise
                found = error
            if trouble is None or trouble.code == "backup.absent":
                trouble = found
        if trouble is None:
            raise LookupError("a repository has a place")
        raise trouble

    def has(self, path: str, place: Place) -> bool:
        folder, _, _ = path.rpartition("/")
        return any(s.path == f"{self.system}/{path}" for s in place.all(f"{self.system}/{folder}/"))

    def copy(self, path: str, target: Place) -> int:
        """The file as it lies, sealed, from the first place to another."""
        full = f"{self.system}/{path}"
        return target.write(full, self.first.read(full))

    def delete(self, path: str) -> None:
        """In every place. What a second place that is away keeps is listed again once it answers, and deleted then."""
        for place in self.places:
            try:
                place.delete(f"{self.system}/{path}")
            except Errored as error:
                if place is self.first or error.code != "backup.place":
                    raise

    def names(self, folder: str, place: Place | None = None) -> dict[str, int]:
        """Files below `folder`, relative to it, with their stored sizes; of every place unless one is named."""
        start = f"{self.system}/{folder}/"
        found: dict[str, int] = {}
        for one in (place,) if place else self.places:
            for stored in self._listed(one, start):
                found.setdefault(stored[0].removeprefix(start), stored[1])
        return found

    def _listed(self, place: Place, start: str) -> list[tuple[str, int]]:
        """The second place may be away; what the first has counts all the same."""
        try:
            return [(s.path, s.bytes) for s in place.all(start)]
        except Errored:
            if place is self.first:
                raise
            return []

    # --- records -----------------------------------------------------------------------------------

    def put_json(self, path: str, value: dict[str, Any]) -> None:
        """In every place that answers; the first must."""
        self.write(path, [json.dumps(value, indent=1, sort_keys=True).encode()])

    def get_json(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.anywhere(path, lambda parts: json.loads(b"".join(parts)))
        return found

    def archive(self) -> Archive:
        """Everything that is complete. What cannot be read of one backup hides no other."""
        names = self.names("backups")
        backups = [self._backup(path.split("/")[0], names) for path in names if path.endswith("/backup.json")]
        eras = [_era(self.get_json(f"eras/{name}")) for name in self.names("eras")]
        marks = [_mark(self.get_json(f"marks/{name}")) for name in self.names("marks")]
        return Archive(
            tuple(sorted((b for b in backups if b), key=lambda b: (b.ended_at, b.name))),
            tuple(sorted(eras, key=lambda e: e.at)),
            self.names("wal"),
            tuple(sorted(marks, key=lambda m: m.at)),
        )

    def _backup(self, name: str, names: dict[str, int]) -> Backup | None:
        try:
            found = _read_backup(self.get_json(f"backups/{name}/backup.json"))
            if f"{name}/damaged.json" in names:
                return replace(found, damaged=self.get_json(f"backups/{name}/damaged.json")["why"])
            return found
        except Errored as error:
            if error.code == "backup.place":
                raise
            return None

    def put_backup(self, backup: Backup) -> None:
        record = asdict(backup) | {"started_at": backup.started_at.isoformat(), "ended_at": backup.ended_at.isoformat()}
        self.put_json(f"backups/{backup.name}/backup.json", record)

    def put_mark(self, mark: Mark) -> None:
        self.put_json(f"marks/{mark.name}.json", asdict(mark) | {"at": mark.at.isoformat()})

    def put_era(self, era: Era) -> None:
        name = era.at.strftime("%Y%m%dT%H%M%S.%fZ")
        self.put_json(f"eras/{name}.json", asdict(era) | {"at": era.at.isoformat()})

    def put_damaged(self, name: str, why: str) -> None:
        """Every place, so that whoever restores from the second one knows as well."""
        self.put_json(f"backups/{name}/damaged.json", {"why": why})

    def copy_backup(self, name: str, target: Place, there: Container[str]) -> int:
        """What of it is not in `there` (paths below `backups`) goes to `target`, the record last; bytes sent."""
        parts = [f"{name}/{part}" for part in ("base", "manifest", "backup.json")]
        return sum(self.copy(f"backups/{part}", target) for part in parts if part not in there)

    def forget_backup(self, name: str) -> None:
        """The record first: a removal cut short leaves nothing that is taken for a backup."""
        self.delete(f"backups/{name}/backup.json")
        for left in self.names(f"backups/{name}"):
            self.delete(f"backups/{name}/{left}")


def damaged(path: str, place: Place, why: str) -> Errored:
    kind, _, rest = path.partition("/")
    name = rest.split("/")[0]
    what = f"backup {name}" if kind == "backups" else path
    return Errored(
        "backup.damaged",
        f"{what} is damaged: {path} in {place.words}",
        because=why,
        hint="the one before is used; greenroom backup now --full makes another",
        facts={"backup": name if kind == "backups" else None, "file": path, "place": place.words},
    )


def _read_backup(stored: dict[str, Any]) -> Backup:
    times = {k: datetime.fromisoformat(stored[k]) for k in ("started_at", "ended_at")}
    return Backup(**{**stored, **times, "extensions": tuple(stored["extensions"])})


def _era(stored: dict[str, Any]) -> Era:
    return Era(**{**stored, "at": datetime.fromisoformat(stored["at"])})


def _mark(stored: dict[str, Any]) -> Mark:
    return Mark(**{**stored, "at": datetime.fromisoformat(stored["at"])})
