"""Several sessions at once under one snapshot; when one fails or the copy is to end, all end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeVar

import psycopg

from greenroom.adapters.postgres.connect import Connection, is_in_a_function, places_of, translate
from greenroom.adapters.postgres.masking.ends import End
from greenroom.domain.errors import Errored, GreenroomError

T = TypeVar("T")
CANCEL_SECONDS = 5.0
NOT_ALLOWED = "42501"
ASK_SECONDS = 0.1
"""Whether to go on is asked so often at most: the answer is read from the store, and batches come by the thousand."""

SAID = ("08", "25", "28", "3D", "40", "42", "53", "54", "55", "57", "58", "XX")
"""SQLSTATE classes of errors whose words name objects and states of the server. All others are withheld: data
exceptions and violated constraints quote values, and a function of the application's raises whatever it likes, under
any state: the context of its errors names it."""


class SourceSessionLost(Exception):
    """The session of the source is gone, and nothing else is wrong."""

    def __init__(self, error: Errored) -> None:
        super().__init__(error.message)
        self.error = error


class CannotJoin(SourceSessionLost):
    """No new session can see what the others see; those may go on without this worker."""


@dataclass
class Stop:
    """Asked between batches by everybody who works on one copy; keeps the sessions that a failure must wake."""

    go_on: Callable[[], bool] = lambda: True
    is_set: threading.Event = field(default_factory=threading.Event)
    sessions: set[Connection] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: float = -ASK_SECONDS

    def check(self) -> None:
        """Raises Errored (`data.copy_stopped`) when the copy is to end."""
        if self.is_set.is_set() or not self._goes_on():
            raise Errored(
                "data.copy_stopped", "the masked copy was stopped", hint="the target is unfinished; refresh it again"
            )

    def _goes_on(self) -> bool:
        now = time.monotonic()
        if now - self.asked < ASK_SECONDS:
            return True
        self.asked = now
        return self.go_on()

    def now(self) -> None:
        """End what the others are waiting for."""
        self.is_set.set()
        with self.lock:
            sessions = list(self.sessions)
        for one in sessions:
            try:
                one.cancel_safe(timeout=CANCEL_SECONDS)
            except psycopg.Error:
                continue  # its server is gone: then nothing of it is left to end

    @contextmanager
    def known(self, *connections: Connection) -> Iterator[None]:
        with self.lock:
            self.sessions |= set(connections)
        try:
            yield
        finally:
            with self.lock:
                self.sessions -= set(connections)


@dataclass(frozen=True)
class Under:
    """How a session of the source sees what the coordinator sees: by its snapshot. Both ends are entered without
    power (`walls.py`)."""

    source: End
    target: End
    snapshot: str
    stop: Stop

    @contextmanager
    def pair(self, *, writes: bool = False) -> Iterator[tuple[Connection, Connection]]:
        """A session of the source under the snapshot, and one of the target. `writes`: the first may make temporary
        tables."""
        with self.source.session() as a, self.target.session() as b, self.stop.known(a, b):
            a.execute("BEGIN ISOLATION LEVEL REPEATABLE READ" + ("" if writes else " READ ONLY"))
            a.execute(f"SET TRANSACTION SNAPSHOT '{self.snapshot}'".encode())
            yield a, b

    def survives(self, error: Errored, lost: int) -> bool:
        """Asked when a worker's session of the source is gone, the `lost`th time since it did an item: true to open
        another."""
        return False

    def spread(
        self,
        items: Sequence[T],
        work: Callable[[Connection, Connection, T], None],
        doing: Callable[[T], str],
        most: int,
    ) -> None:
        """Do the work for every item, by at most so many pairs of sessions at once, in the order of the items.

        The first failure ends all and is raised, unless `survives` says otherwise: then new sessions go on with the
        item, of which nothing was kept. A worker that cannot join any more leaves it to the others.
        """
        waiting: SimpleQueue[T] = SimpleQueue()
        for item in items:
            waiting.put(item)
        failures: list[BaseException] = []
        left: list[Errored] = []
        done: list[T] = []

        def go_through(held: list[T], one_done: Callable[[], None]) -> None:
            """`held` is the item that is worked on; it stays there when its session is lost."""
            with self.pair() as (a, b):
                while True:
                    self.stop.check()
                    if not held:
                        held.append(waiting.get_nowait())
                    try:
                        with told(doing(held[0])):
                            work(a, b, held[0])
                    except Errored as error:
                        if a.broken and not b.broken:
                            raise SourceSessionLost(error) from error
                        raise
                    done.append(held.pop())
                    one_done()

        def worker() -> None:
            held: list[T] = []
            lost = 0

            def one_done() -> None:
                nonlocal lost
                lost = 0

            try:
                while True:
                    try:
                        go_through(held, one_done)
                    except CannotJoin as error:
                        for item in held:
                            waiting.put(item)
                        left.append(error.error)
                        return
                    except SourceSessionLost as error:
                        lost += 1
                        if not self.survives(error.error, lost):
                            raise error.error from None
            except Empty:
                return
            except BaseException as error:  # noqa: BLE001  raised below, after the others have ended
                failures.append(error)
                self.stop.now()

        with ThreadPoolExecutor(max(1, min(most, len(items)))) as pool:
            running = [pool.submit(worker) for _ in range(max(1, min(most, len(items))))]
            try:
                for one in running:
                    one.result()
            except BaseException:
                self.stop.now()
                raise
        if failures:
            raise failures[0]
        if len(done) != len(items):  # what a worker left was left by all
            raise left[-1]


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Errors of the driver, without a word that could be somebody's data."""
    try:
        yield
    except psycopg.Error as error:
        if isinstance(error, GreenroomError):
            raise
        if error.sqlstate == NOT_ALLOWED:
            raise Errored(
                "data.not_allowed",
                f"could not {doing}: what it calls may not do what it tries",
                because=words_of(error),
                hint="while data is masked, or read from a managed server, the application's functions have no power"
                " and reach nothing outside of the database (docs/operate/data.md): let the constraint or rule do"
                " without it",
                facts=places_of(error),
            ) from None
        if _may_quote(error):
            raise Errored(
                "data.row_refused",
                f"could not {doing}: PostgreSQL does not accept a value",
                because=named(error),
                hint="look at the rule of that column; PostgreSQL's own words are withheld, as they quote values",
                facts=places_of(error),
            ) from None
        raise translate(error, doing) from error


def words_of(error: psycopg.Error) -> str:
    """PostgreSQL's words where they cannot hold a value, else the kind of error and its place."""
    return named(error) if _may_quote(error) else error.diag.message_primary or type(error).__name__


def _may_quote(error: psycopg.Error) -> bool:
    return bool(error.sqlstate) and (str(error.sqlstate)[:2] not in SAID or is_in_a_function(error))


def named(error: psycopg.Error) -> str:
    """What kind of error it is, and where it happened."""
    return ", ".join([type(error).__name__, *(f"{word} {name}" for word, name in places_of(error).items())])
