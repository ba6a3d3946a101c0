"""A working tree that runs: migrated, started, started again at every change; what crashed waits for the next one.

Everything that happens is one queue of events, read by one thread: processes that end, files that change, and being
told to stop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from greenroom.dev.child import Child, Say
from greenroom.dev.gateway import open_gateway
from greenroom.dev.plan import Plan
from greenroom.domain.errors import GreenroomError

OURS = "greenroom"
SHOWN = 5


@dataclass(frozen=True)
class Ended:
    child: Child
    code: int


@dataclass(frozen=True)
class Changed:
    paths: list[str]


@dataclass(frozen=True)
class Broke:
    error: BaseException


class Stop:
    """Somebody wants it to end."""


Event = Ended | Changed | Broke | Stop


class DevSession:
    """`plan` is asked for at every start: the project's file may have changed too. `changes` gives what changed, until
    the event it is given is set."""

    def __init__(self, plan: Callable[[], Plan], say: Say, changes: Callable[[threading.Event], Iterable[list[str]]]):
        self._plan, self._say, self._changes = plan, say, changes
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._stopped = threading.Event()
        self._now: Plan | None = None
        self._running: list[Child] = []
        self._why: str | None = None

    def stop(self) -> None:
        """End everything in order. May be called from a signal's handler, and more than once."""
        self._stopped.set()
        self._events.put(Stop())

    def run(self, port: int) -> None:
        """Until `stop`. Raises what is wrong with the first plan, BadInput (`dev.port_taken`), Errored
        (`dev.cannot_watch`)."""
        self._now = first = self._plan()
        watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        with open_gateway(port, self._dial, self._why_down):
            self._say(OURS, f"http://127.0.0.1:{port}")
            try:
                watcher.start()
                self._begin(first)
                self._go_on()
            finally:
                self._stopped.set()
                self._end_all()
        watcher.join(5)

    def _go_on(self) -> None:
        while True:
            event = self._events.get()
            if isinstance(event, Stop):
                return
            if isinstance(event, Broke):
                raise event.error
            if isinstance(event, Changed):
                self._again(event.paths)
            elif event.child in self._running:
                self._ended(event.child, event.code)

    def _again(self, paths: list[str]) -> None:
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        self._say(OURS, f"changed: {', '.join(paths[:SHOWN])}{more}")
        self._end_all()
        try:
            self._now = self._plan()
        except GreenroomError as error:
            self._down(f"{error.message}{f': {error.because}' if error.because else ''}")
            return
        self._begin(self._now)

    def _begin(self, plan: Plan) -> None:
        self._why = None
        if plan.migration is not None:
            self._running = [Child(plan.migration, plan.root, self._say, self._note)]
        else:
            self._start(plan)

    def _start(self, plan: Plan) -> None:
        if plan.dial.startswith("unix/"):
            Path(plan.dial.removeprefix("unix/")).unlink(missing_ok=True)
        self._running = [Child(runs, plan.root, self._say, self._note) for runs in plan.processes]

    def _ended(self, child: Child, code: int) -> None:
        self._running.remove(child)
        plan = self._now
        if plan is not None and plan.migration is not None and child.name == plan.migration.name and code == 0:
            self._start(plan)
            return
        said = f"signal {code - 128}" if code > 128 else f"exit code {code}"
        is_needed = plan is None or child.name in (plan.web, "migrate")
        what = f"{child.name} ended with {said}"
        if is_needed:
            self._why = "\n".join([what, "", *child.last])
        self._say(OURS, f"{what}; it starts again at the next change")

    def _down(self, why: str) -> None:
        self._why = why
        self._say(OURS, f"{why}; nothing runs until the next change")

    def _end_all(self) -> None:
        ending, self._running = self._running, []
        for child in ending:
            child.ask_to_end()
        for child in ending:
            child.wait()

    def _note(self, child: Child, code: int) -> None:
        self._events.put(Ended(child, code))

    def _watch(self) -> None:
        try:
            for paths in self._changes(self._stopped):
                self._events.put(Changed(paths))
        except BaseException as error:  # noqa: BLE001 - told where somebody listens
            self._events.put(Broke(error))

    def _dial(self) -> str:
        return self._now.dial if self._now else ""

    def _why_down(self) -> str | None:
        return self._why
