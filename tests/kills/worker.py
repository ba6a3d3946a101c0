"""A worker over a home that exists already, under a name of its own, as several control planes on one store are.

    python -m tests.kills.worker HOME NAME LEASE_SECONDS [POINT]

It stops itself, as SIGSTOP does, the first time it passes POINT. It says `ready` once it works.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.bootstrap import build
from greenroom.services.decisions import decide_work
from greenroom.workflows.engine import Engine
from greenroom.workflows.procedure import procedure


def main(home: str, name: str, lease_seconds: str, point: str = "") -> None:
    world = build(Home.at(Path(home))).world
    points = [point]

    def pause(passed: str) -> None:
        if passed in points:
            points.clear()
            os.kill(os.getpid(), signal.SIGSTOP)

    engine = Engine(
        world,
        procedure(),
        lambda tx, work: decide_work(tx, world, work),
        owner=name,
        lease_seconds=float(lease_seconds),
        crash=pause,
    )
    engine.start()
    print("ready", flush=True)
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    told.wait()
    engine.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
