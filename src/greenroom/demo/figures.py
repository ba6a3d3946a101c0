"""What a record of traffic says: counts and latencies, over all of it and by phase. Pure functions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Visit:
    """One request. `at` and `seconds` in seconds; `failed` is what a visitor would call it."""

    at: float
    seconds: float
    kind: str
    status: int
    failed: bool
    error: str = ""


@dataclass(frozen=True)
class Mark:
    """From `at` on the phase is called `name`."""

    at: float
    name: str


@dataclass(frozen=True)
class Log:
    """A whole record. `ended` is False when the process that wrote it was cut off."""

    visits: tuple[Visit, ...]
    marks: tuple[Mark, ...]
    ended: bool


@dataclass(frozen=True)
class Figures:
    """Latencies in milliseconds; None where there was no request to measure."""

    requests: int
    failed: int
    p50_ms: float | None
    p99_ms: float | None

    def as_dict(self) -> dict[str, Any]:
        return {"requests": self.requests, "failed": self.failed, "p50_ms": self.p50_ms, "p99_ms": self.p99_ms}


def read_log(lines: Iterable[str]) -> Log:
    """The record that `greenroom.demo.traffic` wrote. Raises ValueError for a line that it did not write.

    The last line may be cut off: then the process was, and `ended` is False.
    """
    visits, marks, ended = [], [], False
    for line in lines:
        if not line.endswith("\n"):
            break
        data: dict[str, Any] = json.loads(line)
        if "mark" in data:
            marks.append(Mark(data["at"], data["mark"]))
        elif "end" in data:
            ended = True
        else:
            try:
                visits.append(Visit(**data))
            except TypeError as error:
                raise ValueError(f"not a line of a traffic record: {line[:200]!r}") from error
    return Log(tuple(visits), tuple(marks), ended)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least `share` (0 to 1) of all do not exceed."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def figures(visits: Iterable[Visit]) -> Figures:
    """Counts and latencies of these requests; failed ones took their time too."""
    seen = list(visits)
    times = [v.seconds * 1000 for v in seen]
    return Figures(
        len(seen), sum(v.failed for v in seen), _rounded(percentile(times, 0.5)), _rounded(percentile(times, 0.99))
    )


def by_phase(log: Log) -> dict[str, tuple[Visit, ...]]:
    """Requests by the phase in which they were sent, in the order of the first mark; a name may come back."""
    phases: dict[str, list[Visit]] = {m.name: [] for m in log.marks}
    marks = sorted(log.marks, key=lambda m: m.at)
    upcoming, name = 0, ""
    for visit in sorted(log.visits, key=lambda v: v.at):
        while upcoming < len(marks) and marks[upcoming].at <= visit.at:
            name, upcoming = marks[upcoming].name, upcoming + 1
        phases.setdefault(name, []).append(visit)
    return {name: tuple(seen) for name, seen in phases.items()}


def production_traffic(log: Log, steady: str = "steady", held: str = "contraction") -> dict[str, Any]:
    """The report's `production_traffic`. All requests are counted. Latencies leave out the phase in which visitors are
    held on purpose while a migration destroys something: `held_max_ms` is the longest anybody waited there."""
    phases: Mapping[str, tuple[Visit, ...]] = by_phase(log)
    free = figures(v for name, visits in phases.items() if name != held for v in visits)
    waited = [v.seconds * 1000 for v in phases.get(held, ())]
    return {
        **figures(log.visits).as_dict(),
        "p50_ms": free.p50_ms,
        "p99_ms": free.p99_ms,
        "steady_p99_ms": figures(phases.get(steady, ())).p99_ms,
        "held_max_ms": _rounded(max(waited, default=None)),
    }


def failures(log: Log, most: int = 10) -> list[str]:
    """The first failed requests, one sentence each, with their phase."""
    said = []
    for phase, visits in by_phase(log).items():
        for v in (v for v in visits if v.failed):
            said.append((v.at, f"{v.at:.2f} s ({phase}): {v.kind}: {v.error}"))
    return [text for _, text in sorted(said)[:most]]


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)
