"""Stores of growing size, each measured in the same way; `docs/contribute/scale.md` gets the figures.

.venv/bin/uv run --frozen --group plots python -m bench.scale            # everything, some minutes
.venv/bin/python -m bench.scale --up-to 10000 --print                    # a quick look, no file is written
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.scale.life import Size, lived
from bench.scale.questions import milliseconds, quick, whole

ENTRIES = (1_000, 10_000, 100_000, 1_000_000)
PATHS = (6, 60, 600)


def measured(size: Size) -> dict[str, float]:
    """Every figure of a store of this size."""
    with tempfile.TemporaryDirectory(prefix="greenroom-scale-") as directory:
        began = time.perf_counter()
        made = lived(Path(directory), size)
        found = {"making it, s": time.perf_counter() - began}
        found |= {f"{name}, ms": milliseconds(ask) for name, ask in quick(made).items()}
        found |= whole(made, Path(directory) / "greenroom.db")
        made.world.store.database.close()
    return found


def by_path(length: int) -> dict[str, float]:
    """What depends on how many environments the path has now."""
    with tempfile.TemporaryDirectory(prefix="greenroom-scale-") as directory:
        made = lived(Path(directory), Size(2_000, length, 10, 20, 20, path=length))
        asked = quick(made)
        names = ("one decision", "status", "work list", "a worker that looks for work")
        found = {f"{name}, ms": milliseconds(asked[name], rounds=5) for name in names}
        made.world.store.database.close()
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--up-to", type=int, default=max(ENTRIES), help="the largest ledger, in entries")
    arguments.add_argument("--print", action="store_true", help="write no file")
    asked = arguments.parse_args()
    grown, paths = {}, {}
    for n in (n for n in ENTRIES if n <= asked.up_to):
        grown[n] = measured(Size.of(n))
        print(n, *(f"\n    {name:38} {value:12.3f}" for name, value in grown[n].items()), flush=True)
    for n in (n for n in PATHS if n <= asked.up_to):
        paths[n] = by_path(n)
        print(f"path of {n}", *(f"\n    {name:38} {value:12.3f}" for name, value in paths[n].items()), flush=True)
    if not asked.print:
        from bench.scale import page  # the plotting library is needed for nothing else

        page.write(grown, paths)
    return 0


if __name__ == "__main__":
    sys.exit(main())
