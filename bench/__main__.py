"""Run every benchmark, print a table, write `bench-report.json`. Exit code 1 when a goal is missed."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import decision, growth, promotions, status, verification
from bench.figure import Figure

BENCHMARKS: tuple[Callable[[Path], list[Figure]], ...] = (
    decision.measure,
    verification.measure,
    growth.measure,
    status.measure,
    promotions.measure,
)


def main() -> int:
    console, figures = Console(), list[Figure]()
    for measure in BENCHMARKS:
        console.print(f"[dim]{measure.__module__} …[/]")
        with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as directory:
            figures += measure(Path(directory))
    table = Table("figure", "value", "unit", "goal", "ok", "how", title="Greenroom, measured now on this machine")
    for f in figures:
        table.add_row(f.name, f"{f.value:.3g}", f.unit, f"≤ {f.goal:g}", "yes" if f.ok else "no", f.how)
    console.print(table)
    Path("bench-report.json").write_text(json.dumps([f.as_dict() for f in figures], indent=2) + "\n")
    return 0 if all(f.ok for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
