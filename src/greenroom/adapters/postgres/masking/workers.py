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

from greenroom.adapters.postgres.connect import Connection, translate
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.statements import KEY_SETTING
from greenroom.domain.errors import Errored, GreenroomError
from greenroom.domain.secret import Secret

T = TypeVar("T")
CANCEL_SECONDS = 5.0
ASK_SECONDS = 0.1
"""Whether to go on is asked so often at most: the answer is read from the store, and batches come by the thousand."""

SAID = ("08", "28", "3D", "42", "53", "54", "55", "57", "58", "XX")
"""SQLSTATE classes of errors whose words name objects and states of the server. All others are withheld: data
exceptions and violated constraints quote values, and a function of the application's raises whatever it likes."""


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
    """How a session of the source sees what the coordinator sees: its snapshot, and the key of the masks."""

    source: End
    target: End
    snapshot: str
    key: Secret
    stop: Stop

    @contextmanager
    def pair(self) -> Iterator[tuple[Connection, Connection]]:
        """A session of the source under the snapshot, and one of the target."""
        with self.source.session() as a, self.target.session() as b, self.stop.known(a, b):
            a.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            a.execute(f"SET TRANSACTION SNAPSHOT '{self.snapshot}'".encode())
            give_key(a, self.key)
            yield a, b

    def spread(
        self,
        items: Sequence[T],
        work: Callable[[Connection, Connection, T], None],
        doing: Callable[[T], str],
        most: int,
    ) -> None:
        """Do the work for every item, by at most so many pairs of sessions at once, in the order of the items.

        The first failure ends all and is raised.
        """
        waiting: SimpleQueue[T] = SimpleQueue()
        for item in items:
            waiting.put(item)
        failures: list[BaseException] = []

        def worker() -> None:
            try:
                with self.pair() as (a, b):
                    while True:
                        self.stop.check()
                        item = waiting.get_nowait()
                        with told(doing(item)):
                            work(a, b, item)
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


def give_key(connection: Connection, key: Secret) -> None:
    """The key enters the session as a parameter, so that no log and no list of activities shows it."""
    connection.execute("SELECT set_config(%s, %s, false)", [KEY_SETTING, key.reveal()])


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Errors of the driver, without a word that could be somebody's data."""
    try:
        yield
    except psycopg.Error as error:
        if isinstance(error, GreenroomError):
            raise
        if error.sqlstate and error.sqlstate[:2] not in SAID:
            raise Errored(
                "data.row_refused",
                f"could not {doing}: PostgreSQL does not accept a value",
                because=_named(error),
                hint="look at the rule of that column; PostgreSQL's own words are withheld, as they quote values",
                facts={"sqlstate": error.sqlstate},
            ) from None
        raise translate(error, doing) from error


def _named(error: psycopg.Error) -> str:
    places = (
        ("constraint", error.diag.constraint_name),
        ("column", error.diag.column_name),
        ("type", error.diag.datatype_name),
    )
    return ", ".join([type(error).__name__, *(f"{word} {name}" for word, name in places if name)])
