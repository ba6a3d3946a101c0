"""Run every benchmark, print a table, write `bench-report.json`. Exit code 1 when a goal is missed.

python -m bench            all of them
python -m bench --page     and write docs/contribute/figures.md from what was measured
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import decision, growth, masked_copy, promotions, recovery, status, verification
from bench.figure import Figure

BENCHMARKS: tuple[Callable[[Path], list[Figure]], ...] = (
    decision.measure,
    verification.measure,
    growth.measure,
    status.measure,
    promotions.measure,
    masked_copy.measure,
    recovery.measure,
)


PAGE = Path("docs/contribute/figures.md")
PROSE = """\
# Figures

How good is it, in numbers? Measured side by side in one run, on two shared cores:

```sh
make bench                                # prints them, writes bench-report.json
.venv/bin/python -m bench --page          # and writes this page
```

{table}

Ratios hold on other machines; seconds and milliseconds are of this one. What grows with what there ever was:
[scale](scale.md).
"""


def page(figures: list[Figure]) -> str:
    """The figures as a page of the documentation."""
    rows = [
        f"| {f.name} | {f.value:.3g} {f.unit} | ≤ {f.goal:g} | {'yes' if f.ok else 'no'} | {f.how} |" for f in figures
    ]
    return PROSE.format(
        table="\n".join(["| figure | measured | goal | reached | how |", "|---|---:|---:|---|---|", *rows])
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
    if sys.argv[1:] == ["--page"]:
        PAGE.write_text(page(figures))
    Path("bench-report.json").write_text(json.dumps([f.as_dict() for f in figures], indent=2) + "\n")
    return 0 if all(f.ok for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
