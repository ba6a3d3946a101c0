"""The vault and candidates for development and tests: a dataset is a value, what an environment holds is a word."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from greenroom.discovery.model import Harmless, Undecided, Verdict
from greenroom.domain.data import Dataset, MaskingPlan
from greenroom.domain.dotted import table_of
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.names import checked_name
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.ports.clock import Clock
from greenroom.ports.databases import Database
from greenroom.ports.datasets import Copied, Examined, GoOn, Say, Seeded


class MemoryVault:
    """Fulfils `ports.datasets.Vault`. `columns` are those production has, each with what the leak check would find in
    it; one that the plan does not choose stops the copy."""

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        self.columns = dict(columns or {})
        self._making: dict[str, MaskingPlan] = {}
        self._published: dict[str, Dataset] = {}

    def discover(self, rebuilt: str, source: str, services: Services, *, say: Say) -> tuple[Verdict, ...]:
        found = {c: Harmless(c, 0.9, "a key") for c in self.columns if c.endswith(".id")}
        return tuple(found.get(c) or Undecided(c, "nothing is known of it") for c in sorted(self.columns))

    def mask(
        self, rebuilt: str, source: str, name: str, services: Services, plan: MaskingPlan, *, say: Say, go_on: GoOn
    ) -> Copied:
        checked_name(name, "dataset")
        known = {c.column for c in plan.chosen}
        unruled = sorted(c for c in self.columns if c not in known)
        if unruled:
            raise Refused(
                "data.column_unruled",
                f"{len(unruled)} columns have neither a rule nor are declared harmless: {', '.join(unruled)}",
                facts={"columns": unruled},
            )
        if not go_on():
            raise Errored("data.stopped", "the copy was stopped", hint="greenroom data make begins it again")
        self._making[name] = plan
        say(f"{len(self.columns)} columns")
        return Copied(len(plan.chosen), dict.fromkeys((table_of(c) for c in self.columns), 1))

    def examine(
        self, rebuilt: str, source: str, name: str, services: Services, plan: MaskingPlan, *, say: Say, go_on: GoOn
    ) -> Examined:
        if name not in self._making:
            raise Errored("data.not_rebuilt", f"nothing is masked under {name}")
        found = {c: why for c, why in self.columns.items() if why}
        problem = "; ".join(f"{c}: {why}" for c, why in found.items())
        return Examined({"leaks": len(found), "columns": sorted(found)}, problem)

    def publish(self, name: str, dataset: Dataset) -> Dataset:
        if name not in self._published:
            if name not in self._making:
                raise Errored("data.not_rebuilt", f"nothing is masked under {name}")
            del self._making[name]
            self._published[name] = replace(dataset, bytes=1000)
        return self._published[name]

    def datasets(self) -> list[Dataset]:
        return sorted(self._published.values(), key=lambda d: (d.made_at, d.name))

    def drop(self, name: str) -> None:
        self._published.pop(name, None)
        self._making.pop(name, None)

    def sweep(self, keep: Collection[str]) -> int:
        left = [name for name in self._making if name not in keep]
        for name in left:
            del self._making[name]
        return len(left)


class MemoryCandidates:
    """Fulfils `ports.datasets.Candidates`. `holds` says, by environment, what it was filled with last; `ready` what was
    made ready, by environment and name."""

    def __init__(self, clock: Clock, vault: MemoryVault) -> None:
        self._clock, self._vault = clock, vault
        self.holds: dict[str, str] = {}
        self.ready: dict[tuple[str, str], str] = {}
        self.ran: list[str] = []
        self._aside: dict[tuple[str, str], tuple[datetime, str]] = {}
        self._done: set[tuple[str, str]] = set()
        self._edited: set[tuple[str, str]] = set()

    def place(self, dataset: str, environment: str, name: str, *, say: Say) -> int:
        found = next((d for d in self._vault.datasets() if d.name == dataset), None)
        if found is None:
            raise Errored("data.dataset_gone", f"the dataset {dataset} is not there")
        self.ready.setdefault((environment, checked_name(name, "work")), dataset)
        return found.bytes

    def begin(self, environment: str, name: str, services: Services, *, say: Say) -> None:
        self.ready[environment, checked_name(name, "work")] = "nothing"

    def seed(self, database: Database, root: Path, files: tuple[str, ...], *, say: Say, go_on: GoOn) -> Seeded:
        name = next(n for e, n in self.ready if e == database.environment)
        if self.ready[database.environment, name] != "nothing":
            raise AssertionError("a seed is loaded into an empty database")
        self.ready[database.environment, name] = "half a seed"
        for file in files:
            if "error" in file:
                raise Refused("data.seed_failed", f"{file}, line 3 cannot be loaded", facts={"file": file, "line": 3})
        self.ready[database.environment, name] = f"the seed {', '.join(files)}"
        return Seeded({"public.person": len(files)})

    @contextmanager
    def serving(self, environment: str, name: str, services: Services, *, origin: str, say: Say) -> Iterator[Database]:
        self.ready.setdefault((environment, name), f"a copy of {origin}")
        yield Database(environment, Secret(f"postgresql://app:next-{environment}@/shop"), "18.4", "memory")

    def edit(self, environment: str, name: str, database: Database, statements: tuple[str, ...]) -> None:
        if (environment, name) in self._edited:
            return
        for number, statement in enumerate(statements, 1):
            if "error" in statement:
                raise Refused("data.edit_failed", f"edit {number} of {environment} failed")
        self.ran += statements
        self._edited.add((environment, name))

    def exchange(self, environment: str, name: str) -> None:
        if (environment, name) in self._done:
            return
        if (environment, name) not in self.ready:
            raise Errored("data.not_ready", f"nothing is ready under {name}")
        self._aside[environment, name] = (self._clock.now(), self.holds.get(environment, "its own"))
        self.holds[environment] = self.ready.pop((environment, name))
        self._done.add((environment, name))

    def put_back(self, environment: str, name: str) -> None:
        if (environment, name) in self._aside:
            self.holds[environment] = self._aside.pop((environment, name))[1]
        self._done.discard((environment, name))

    def asides(self, environment: str) -> Mapping[str, datetime]:
        return {n: at for (e, n), (at, _) in self._aside.items() if e == environment}

    def drop_aside(self, environment: str, name: str) -> None:
        self._aside.pop((environment, name), None)

    def discard(self, environment: str, name: str) -> None:
        self.ready.pop((environment, name), None)

    def sweep(self, keep: Collection[str]) -> int:
        left = [key for key in self.ready if key[1] not in keep]
        for key in left:
            del self.ready[key]
        return len(left)
