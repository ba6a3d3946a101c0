"""Visitors of the benchmarks, in a process of their own so that they do not slow down what they measure.

    python -m bench.visitors PORT

They visit until standard input ends, then print one JSON object: `quick` and `slow`, each with `lost` (how each lost
request was lost), `posted` (POST requests answered well) and `answers`: pairs of the monotonic second at which an
answer ended and the seconds it took.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.load import Load, Style

BODY = b"a note, as somebody wrote it"
QUICK = (Style(), Style(keep_alive=False), Style("POST", True, body=BODY), Style("POST", False, body=BODY))
SLOW = (Style(path="/slow"), Style(path="/slow", keep_alive=False))


@dataclass
class Seen:
    """What the visitors saw, once they have gone."""

    told: dict[str, Any] = field(default_factory=dict)

    @property
    def lost(self) -> list[str]:
        return [*self.told["quick"]["lost"], *self.told["slow"]["lost"]]

    @property
    def requests(self) -> int:
        return len(self.told["quick"]["answers"]) + len(self.told["slow"]["answers"]) + len(self.lost)

    @property
    def posted(self) -> int:
        return int(self.told["quick"]["posted"])

    def within(self, spans: list[tuple[float, float]]) -> list[float]:
        """Seconds of the quick answers that ended within these spans of the monotonic clock."""
        answers = self.told["quick"]["answers"]
        return [took for ended, took in answers if any(begin <= ended < end for begin, end in spans)]


@contextmanager
def visiting(port: int) -> Iterator[Seen]:
    """Visitors come, until the block ends; then `Seen` tells."""
    seen = Seen()
    command = [sys.executable, "-m", "bench.visitors", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield seen
        finally:
            out, _ = child.communicate()
    seen.told.update(json.loads(out))


def main() -> None:
    port = int(sys.argv[1])
    with Load(port, styles=QUICK, workers=4, pause=0.05) as quick, Load(port, styles=SLOW, workers=2) as slow:
        sys.stdin.read()
    print(json.dumps({"quick": _told(quick), "slow": _told(slow)}))


def _told(load: Load) -> dict[str, Any]:
    found = load.result
    return {"lost": found.lost, "posted": found.posted, "answers": list(zip(found.ended, found.seconds, strict=True))}


if __name__ == "__main__":
    main()
