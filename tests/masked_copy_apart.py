"""A masked copy in a process of its own, for suites that kill it or look at its memory.

Reads what to do from stdin as JSON; writes `moving` when the first rows have moved, and at the end its peak memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from greenroom.adapters.postgres.masking.copying import Wanted, copy_masked
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.tools import Tools
from greenroom.domain.masking import Chosen
from greenroom.domain.secret import Secret


def start(source: End, target: End, tools: Tools, chosen: list[Chosen], **more: Any) -> subprocess.Popen[str]:
    told = {
        "ends": [[dict(e.parameters), e.password.reveal()] for e in (source, target)],
        "tools": [str(tools.bin), str(tools.libraries) if tools.libraries else None],
        "chosen": [[c.column, c.rule, dict(c.settings)] for c in chosen],
        "more": more,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.masked_copy_apart"],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(told))
    process.stdin.close()
    return process


def main() -> None:
    from tests.masked_copy_support import KEY, RULES, own_peak

    told = json.load(sys.stdin)
    source, target = (End(parameters, Secret(password)) for parameters, password in told["ends"])
    bin_, libraries = told["tools"]
    tools = Tools(Path(bin_), Path(libraries) if libraries else None)
    has_said: list[bool] = []

    def say(_: object) -> None:
        if not has_said:
            has_said.append(True)
            print("moving", flush=True)

    chosen = [Chosen(*c) for c in told["chosen"]]
    copy_masked(source, target, tools, Wanted(chosen, RULES, KEY, **told["more"]), progress=say)
    print(own_peak(), flush=True)


if __name__ == "__main__":
    main()
