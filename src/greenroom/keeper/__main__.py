"""Become a keeper: `PYTHON -I .../greenroom/keeper DIRECTORY`, or `python -m greenroom.keeper DIRECTORY`.

With `--at-rest` it adopts what runs and starts nothing until it is asked to; with `--foreground` it does not detach.

Works with any interpreter: the package is found beside this file, and nothing but the standard library is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from greenroom.keeper.daemon import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
