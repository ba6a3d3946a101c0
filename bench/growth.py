"""What is asked all day must not grow with what there ever was: a hundred times as much behind it, side by side."""

from __future__ import annotations

from pathlib import Path

from bench.figure import Figure
from bench.scale.life import Size, lived
from bench.scale.questions import milliseconds, quick

SMALL, LARGE = 1_000, 100_000
ASKED = ("one decision", "status", "work list", "a worker that looks for work", "one work beside the ledger")


def measure(directory: Path) -> list[Figure]:
    made = {}
    for n in (SMALL, LARGE):
        place = directory / str(n)
        place.mkdir()
        made[n] = lived(place, Size.of(n))
    small, large = quick(made[SMALL]), quick(made[LARGE])
    how = f"median of 30 with {LARGE:,} ledger entries behind it / with {SMALL:,}"
    figures = []
    for name in ASKED:
        before, after = milliseconds(small[name]), milliseconds(large[name])
        figures.append(Figure(f"{name}, a hundred times as much", after / before, "×", 4.0, f"{how}; {after:.2f} ms"))
    for one in made.values():
        one.world.store.database.close()
    return figures
