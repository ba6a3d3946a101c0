"""A worker over a home that exists already, under a name of its own, as several control planes on one store are.

    python -m tests.kills.worker HOME NAME LEASE_SECONDS [POINT [stranger]]

It stops itself, as SIGSTOP does, the first time it passes POINT: a crash point; `edge.locked`, half-way through a
change of the edge's route; or `runtime.start`, `runtime.stop`, when it has made sure of its lease and is about to
start or stop a process. A `stranger` is known to nobody as a worker of this machine. It says `ready` once it works.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from greenroom.adapters.caddy.pointer import Route, Routes
from greenroom.adapters.home import Home
from greenroom.adapters.memory.workers import MemoryWorkers
from greenroom.bootstrap import build
from greenroom.ports.runtime import Fence, Instance, InstanceSpec
from greenroom.services.decisions import decide_work
from greenroom.workflows.engine import Engine
from greenroom.workflows.procedure import procedure


def main(home: str, name: str, lease_seconds: str, point: str = "", stranger: str = "") -> None:
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    world = build(Home.at(Path(home))).world
    if stranger:
        world = replace(world, workers=MemoryWorkers())
    points = [point]

    def pause(passed: str) -> None:
        if passed in points:
            points.clear()
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # by ourselves: not one instruction later

    write, start, stop = Routes._write_derived, world.runtime.start, world.runtime.stop

    def half_way(routes: Routes, environment: str, route: Route) -> None:
        write(routes, environment, route)
        pause("edge.locked")

    def about_to_start(spec: InstanceSpec, *, fence: Fence) -> Instance:
        pause("runtime.start")
        return start(spec, fence=fence)

    def about_to_stop(instance_id: str, *, seconds: float, fence: Fence) -> None:
        pause("runtime.stop")
        stop(instance_id, seconds=seconds, fence=fence)

    setattr(Routes, "_write_derived", half_way)
    setattr(world.runtime, "start", about_to_start)
    setattr(world.runtime, "stop", about_to_stop)
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
