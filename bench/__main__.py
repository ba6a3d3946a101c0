"""Run every benchmark, print a table, write `bench-report.json`. Exit code 1 when a goal is missed.

python -m bench                  all of them
python -m bench NAME…            these alone
python -m bench --page [NAME…]   and write docs/contribute/figures.md from what was measured
python -m bench discovery DIRECTORY…   discovery also on these databases: a script and a pii.tsv each
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import (
    clones,
    comparison,
    decision,
    discovery,
    growth,
    masked_copy,
    promotions,
    recovery,
    status,
    verification,
)
from bench.figure import Figure

Measure = Callable[[Path], list[Figure]]
BENCHMARKS: dict[str, Measure] = {
    module.__name__.rpartition(".")[2]: module.measure
    for module in (
        decision,
        verification,
        growth,
        status,
        promotions,
        masked_copy,
        comparison,
        recovery,
        clones,
        discovery,
    )
}


PAGE = Path("docs/contribute/figures.md")
PROSE = """\
# Figures

How good is it, in numbers? What is compared is measured side by side in one run, on two shared cores:

```sh
make bench                                # prints them, writes bench-report.json
.venv/bin/python -m bench --page {names}
```

{table}

Ratios hold on other machines; seconds and milliseconds are of this one. What grows with what there ever was:
[scale](scale.md).
"""


def page(figures: list[Figure], names: list[str]) -> str:
    """The figures of the benchmarks of these names as a page of the documentation."""
    rows = [f"| {f.name} | {f.value:.3g} {f.unit} | {f.aim} | {'yes' if f.ok else 'no'} | {f.how} |" for f in figures]
    return PROSE.format(
        names=" ".join(names),
        table="\n".join(["| figure | measured | goal | reached | how |", "|---|---:|---:|---|---|", *rows]),
    )


def main() -> int:
    console, figures = Console(), list[Figure]()
    asked = [word for word in sys.argv[1:] if word != "--page" and "/" not in word]
    if unknown := set(asked) - set(BENCHMARKS):
        console.print(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
        return 2
    for name in asked or BENCHMARKS:
        measure = BENCHMARKS[name]
        console.print(f"[dim]{name} …[/]")
        with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as directory:
            figures += measure(Path(directory))
    table = Table("figure", "value", "unit", "goal", "ok", "how", title="Greenroom, measured now on this machine")
    for f in figures:
        table.add_row(f.name, f"{f.value:.3g}", f.unit, f.aim, "yes" if f.ok else "no", f.how)
    console.print(table)
    if "--page" in sys.argv[1:]:
        PAGE.write_text(page(figures, asked))
    Path("bench-report.json").write_text(json.dumps([f.as_dict() for f in figures], indent=2) + "\n")
    return 0 if all(f.ok for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
