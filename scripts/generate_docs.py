"""Write the reference pages from the code, so that they cannot say anything else.

    python scripts/generate_docs.py            write them
    python scripts/generate_docs.py --check    exit 1 and name the pages that are not as they should be

A page is one function without arguments that returns its text. Each module of `scripts/reference_pages` names its own:
`PAGES = {"docs/reference/configuration.md": configuration}`. A new page is a new module; nothing is listed here.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

Page = Callable[[], str]


def pages() -> dict[str, Page]:
    """Every page by its path below the project. A second claim to a path raises ValueError."""
    import reference_pages

    found: dict[str, Page] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(reference_pages.__path__)):
        for path, page in getattr(importlib.import_module(f"reference_pages.{module}"), "PAGES", {}).items():
            if path in found:
                raise ValueError(f"{path} is claimed twice, the second time by reference_pages/{module}.py")
            found[path] = page
    return found


def stale() -> list[str]:
    """The pages whose file is absent or says something else."""
    return [
        path
        for path, page in pages().items()
        if not (ROOT / path).exists() or (ROOT / path).read_text(encoding="utf-8") != page()
    ]


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    old = stale()
    if arguments:
        for path in old:
            print(f"{path} is stale: run `make docs`", file=sys.stderr)
        return 1 if old else 0
    for path in old:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(pages()[path](), encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
