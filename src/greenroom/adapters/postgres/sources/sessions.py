"""One snapshot of the source, and the sessions that see it.

A session exports the snapshot and stays open, asked for nothing but a sign of life, until the rows are here. A worker
whose session is lost opens another one under the same snapshot and goes on with the piece it was at; what was copied
stays. When the exporting session is lost, those that are at work go on seeing the snapshot, and no new one can join:
then the snapshot is gone with the last of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import psycopg

from greenroom.adapters.postgres.connect import Connection, translate
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.workers import CannotJoin, SourceSessionLost, Stop, Under, told
from greenroom.adapters.postgres.sources.reading import of_the_source
from greenroom.domain.errors import Errored

ALIVE_SECONDS = 20.0
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds before a lost session is opened anew, by how often it was lost in a row for one worker."""

NO_SUCH_SNAPSHOT = ("22023", "42704", "55000")
"""SQLSTATEs of a snapshot whose exporting transaction has ended (22023 up to 15, 42704 later; 55000: on a replica)."""


@dataclass(frozen=True)
class Snapshot:
    """`holding` is the session that holds it and may be used meanwhile; `end` leads to the very server it is of."""

    name: str
    holding: Connection
    end: End


@contextmanager
def held_snapshot(source: End, stop: Stop, place: str, said: Callable[[str], None]) -> Iterator[Snapshot]:
    """A snapshot of the source, held for the length of the block."""
    over = threading.Event()
    with ExitStack() as stack:
        with of_the_source(place, source.password, None):
            connection = stack.enter_context(source.session())
            with told("open a snapshot of the source"):
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                name = str(connection.execute("SELECT pg_export_snapshot()").fetchall()[0][0])
        stack.enter_context(stop.known(connection))

        def keep_alive() -> None:
            while not over.wait(ALIVE_SECONDS):
                try:
                    connection.execute("SELECT 1")
                except psycopg.Error:
                    if not over.is_set():
                        said("the session that holds the snapshot was lost; those at work still see it")
                    return

        keeper = threading.Thread(target=keep_alive, name="greenroom-snapshot", daemon=True)
        keeper.start()
        try:
            yield Snapshot(name, connection, _very(source, connection))
        finally:
            over.set()
            keeper.join(1.0)
            if keeper.is_alive():
                _wake(connection)
            keeper.join()


def _very(source: End, connection: Connection) -> End:
    """The source without a choice: a name can lead to several replicas, and a snapshot is of one of them."""
    parameters = {k: v for k, v in source.parameters.items() if k not in ("hostaddr", "target_session_attrs")}
    parameters |= {"host": connection.info.host, "port": str(connection.info.port)}
    if connection.info.hostaddr:
        parameters["hostaddr"] = connection.info.hostaddr
    return replace(source, parameters=parameters)


def _wake(connection: Connection) -> None:
    """What it is asked is not waited for: on a dead line that takes minutes."""
    try:
        connection.cancel_safe(timeout=5.0)
    except psycopg.Error:
        return  # nobody is there any more to be told


@dataclass(frozen=True)
class SourceSessions(Under):
    """Pairs of sessions under a held snapshot; a lost one is opened anew. No key: nothing is masked."""

    place: str = ""
    said: Callable[[str], None] = lambda _: None
    waits: tuple[float, ...] = WAITS

    @contextmanager
    def pair(self, *, writes: bool = False) -> Iterator[tuple[Connection, Connection]]:
        """Read-only whatever is asked for: the session's own settings say so."""
        with ExitStack() as stack:
            a = self._under_the_snapshot(stack)
            b = stack.enter_context(self.target.session())
            stack.enter_context(self.stop.known(a, b))
            yield a, b

    def _under_the_snapshot(self, stack: ExitStack) -> Connection:
        """Raises SourceSessionLost when it could not be reached, CannotJoin when the snapshot is gone."""
        try:
            with of_the_source(self.place, self.source.password, None):
                connection = stack.enter_context(self.source.session())
        except Errored as error:
            if error.code == "data.source_unreachable":
                raise SourceSessionLost(error) from error
            raise
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute(f"SET TRANSACTION SNAPSHOT '{self.snapshot}'".encode())
        except psycopg.Error as error:
            if error.sqlstate in NO_SUCH_SNAPSHOT:
                gone = Errored(
                    "data.snapshot_gone",
                    f"the snapshot of {self.place} is gone",
                    because="the session that held it was lost, and those that read under it, too",
                    hint="the copy begins anew; what an environment holds stays meanwhile",
                )
                raise CannotJoin(gone) from None
            failed = translate(error, "read under the snapshot")
            if connection.broken:
                raise SourceSessionLost(failed) from error
            raise failed from error
        return connection

    def survives(self, error: Errored, lost: int) -> bool:
        """Waits before the next try. Raises Errored (`data.source_unreachable`) when it was lost too often in a row."""
        if lost > len(self.waits):
            raise Errored(
                "data.source_unreachable",
                f"the session with {self.place} was lost {lost} times in a row",
                because=error.because,
                hint="the copy begins anew; what an environment holds stays meanwhile",
            ) from None
        self.said(f"a session with {self.place} was lost; it goes on where it was, under the same snapshot")
        waited = 0.0
        while waited < self.waits[lost - 1]:
            self.stop.check()
            if self.stop.is_set.wait(0.25):
                self.stop.check()
            waited += 0.25
        return True
