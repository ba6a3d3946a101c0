"""What no visitor waits for takes the processor's time that visitors leave: builds, checks, dumps, copies."""

from __future__ import annotations

from collections.abc import Sequence

STANDS_BACK = 10
"""How nice it is (nice(2)): about a tenth of the time of what is not, while both want the processor."""


def nicely(argv: Sequence[str], nice: int) -> list[str]:
    """`argv`, standing back behind other programs by `nice` (nice(1))."""
    return ["nice", "-n", str(nice), *argv] if nice else list(argv)
