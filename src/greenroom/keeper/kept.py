"""One process to keep running: started, watched, started again with back-off, stopped, forgotten."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

from greenroom.keeper import backoff, logs, procfs, ranks
from greenroom.keeper.crash import crash_at
from greenroom.keeper.life import Life
from greenroom.keeper.records import Records
from greenroom.keeper.spawn import SpawnFailed, clear_sockets, read_birth, spawn
from greenroom.keeper.spec import Spec, Status

Say = Callable[[str], None]


class Kept:
    """The keeper's hold on one spec. Everything it must remember is on disk before it is acted on."""

    def __init__(self, spec: Spec, records: Records, say: Say, *, wanted: bool = True, at_rest: bool = False) -> None:
        self.spec = spec
        self.wanted = wanted
        self._records = records
        self._say = say
        self._state = records.state(spec.name)
        self._life: Life | None = None
        self._signalled = False
        self._noted = 0
        self._unwanted = asyncio.Event()
        self._awake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        if not wanted:
            self._unwanted.set()
        if not at_rest:
            self._awake.set()

    def begin(self) -> None:
        """Start it now, unless it runs already or has to wait, and keep it from then on. At rest: only what runs is
        kept, nothing is started before `wake`."""
        self._adopt()
        if self._awake.is_set():
            self._start_if_due()
        self._loop = asyncio.get_running_loop().create_task(self._keep())
        self._loop.add_done_callback(self._report)

    def wake(self) -> None:
        """It rests no longer: started now, as `begin` does."""
        if not self._awake.is_set():
            self._awake.set()
            self._start_if_due()

    async def stop(self, seconds: float | None) -> None:
        """Signal, wait, kill; returns when it is gone and forgotten."""
        limit = self.spec.stop_seconds if seconds is None else seconds
        if self.wanted:
            self.wanted = False
            self._records.save_spec(self.spec, wanted=False)
            crash_at("stop.recorded")
            self._unwanted.set()
        if self._life is not None and not self._life.has_ended:
            try:
                async with asyncio.timeout(limit):
                    if not self._signalled:
                        self._signalled = True
                        await self._life.signal(signal.Signals[self.spec.stop_signal])
                        crash_at("stop.signalled")
                    await self._life.ended()
            except TimeoutError:
                self._say(f"{self.spec.name}: still there after {limit:g} s, killed")
                await self._life.kill()
        if self._loop is not None:
            await asyncio.shield(self._loop)

    async def signal(self, number: int) -> None:
        if self._life is not None:
            await self._life.signal(number)

    async def let_go(self) -> None:
        """Stop keeping; the process lives on and the next keeper adopts it."""
        if self._loop is not None:
            self._loop.cancel()
        if self._life is not None:
            self._life.let_go()

    def rank(self, *, stands_back: bool) -> None:
        if self._life is not None and not self._life.has_ended:
            ranks.rank(self._life.pid, stands_back=stands_back)

    def mind_log(self) -> None:
        """Note when it grew, and rotate it when it is too long."""
        log = Path(self.spec.log)
        self._noted = logs.note(log, time.time(), self._noted)
        if logs.rotate(log, limit=self.spec.log_bytes, keep=self.spec.log_keep):
            self._noted = logs.note(log, time.time(), self._noted)

    def status(self) -> Status:
        life, state = self._life, self._state
        running = life is not None and not life.has_ended
        word = "running" if running else "stopped" if self._is_over else "backing-off"
        child = life.child() if life is not None and running else None
        return Status(
            self.spec.name,
            word if self.wanted else "stopping",
            pid=child[0] if child else life.pid if life is not None and running else None,
            started_at=state.started_at,
            exits=state.exits,
            last_exit=state.last_exit,
            log=self.spec.log,
        )

    @property
    def _is_over(self) -> bool:
        return self._state.ran and self._life is None and not self.spec.restart

    async def _keep(self) -> None:
        while True:
            if self._life is not None:
                await self._watch()
            if not self.wanted or self._is_over:
                break
            await self._rest()
            await self._back_off()
            if self.wanted and self._life is None:
                self._start()
        if not self.wanted:
            crash_at("stop.gone")
            clear_sockets(self.spec)
            self._records.forget(self.spec.name)
            self._say(f"{self.spec.name}: stopped")

    def _report(self, loop: asyncio.Task[None]) -> None:
        if not loop.cancelled() and (error := loop.exception()) is not None:
            self._say(f"{self.spec.name}: no longer watched: {error!r}")

    def _adopt(self) -> None:
        """Take over what an earlier keeper started, or note that it ended meanwhile."""
        state = self._state
        born = read_birth(self._records.birth_path(self.spec.name))
        child = (state.child, state.child_start) if state.child else None
        if born is not None:
            self._life = Life(*born, self._info(), child)
            self._say(f"{self.spec.name}: adopted process {born[0]}")
            if not state.ran:
                state.ran, state.started_at = True, time.time()
                self._save()
        elif state.started_at is not None:
            state.started_at = None
            self._note_end("ended while no keeper watched", uptime=backoff.STEADY)
            state.next_at = 0.0
            if child and procfs.is_same(*child):
                procfs.kill(procfs.Stat(child[0], "", 0, 0, child[1]))

    def _start_if_due(self) -> None:
        if self._life is None and self.wanted and not self._is_over and self._wait() == 0:
            self._start()

    def _start(self) -> None:
        name, state = self.spec.name, self._state
        try:
            pid = spawn(self.spec, self._records.birth_path(name), self._records.info_path(name))
        except (SpawnFailed, OSError) as error:
            state.ran = True
            self._note_end(str(error), uptime=0)
            self._say(f"{name}: {error}")
            return
        found = procfs.stat(pid)
        state.ran, state.started_at, state.child, state.child_start = True, time.time(), 0, 0
        self._life = Life(pid, found.start if found else 0, self._info())
        self._save()
        self._say(f"{name}: started as process {pid}")

    async def _watch(self) -> None:
        assert self._life is not None  # noqa: S101
        life, state = self._life, self._state
        remember = asyncio.get_running_loop().create_task(self._remember_child(life))
        how = await life.ended()
        remember.cancel()
        crash_at("exit.seen")
        life.sweep()
        self._life = None
        if self.wanted:
            self._say(f"{self.spec.name}: {how}")
        self._note_end(how, uptime=time.time() - (state.started_at or 0))

    async def _remember_child(self, life: Life) -> None:
        """Put the pid inside the sandbox on disk, so that it can be ended even when the sandbox's monitor is gone."""
        while self._info() is not None and not life.has_ended:
            child = life.child()
            if child is not None:
                self._state.child, self._state.child_start = child
                self._save()
                return
            await asyncio.sleep(0.02)

    def _note_end(self, how: str, *, uptime: float) -> None:
        state = self._state
        state.failures = backoff.failures_after(state.failures, uptime)
        state.exits += 1
        state.last_exit = how
        state.started_at = None
        state.next_at = time.time() + self._delay()
        self._save()

    async def _rest(self) -> None:
        """Until it is woken, or not wanted any more."""
        if self._awake.is_set():
            return
        loop = asyncio.get_running_loop()
        either = [loop.create_task(event.wait()) for event in (self._awake, self._unwanted)]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in either:
                waiting.cancel()

    async def _back_off(self) -> None:
        try:
            async with asyncio.timeout(self._wait()):
                await self._unwanted.wait()
        except TimeoutError:
            pass

    def _wait(self) -> float:
        """Seconds until it may start again; a clock that jumped cannot make it longer than the back-off itself."""
        return max(0.0, min(self._state.next_at - time.time(), self._delay()))

    def _delay(self) -> float:
        return backoff.delay(self._state.failures, self.spec.first_wait, self.spec.longest_wait)

    def _info(self) -> Path | None:
        return self._records.info_path(self.spec.name) if self.spec.info_fd else None

    def _save(self) -> None:
        try:
            self._records.save_state(self.spec.name, self._state)
        except OSError as error:  # a full disk costs counters, never the process: births and specs are on disk already
            self._say(f"{self.spec.name}: cannot write its state: {error}")
