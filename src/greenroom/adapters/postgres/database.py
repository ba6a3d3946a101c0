"""`PostgresDatabases`: one PostgreSQL cluster per environment, each with one database of the application's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, Door, session
from greenroom.adapters.postgres.glass import GlassDoors
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.providers import Provider, find_providers
from greenroom.adapters.postgres.restore_points import RestorePoints
from greenroom.adapters.postgres.restoring import Restoring
from greenroom.adapters.postgres.roles import ensure_ground, need_open
from greenroom.adapters.postgres.schema import fingerprint_of
from greenroom.adapters.postgres.scratch import Scratch
from greenroom.adapters.postgres.tools import Adopt, EnsureUser
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.errors import Errored
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.keeper.spec import Keeper
from greenroom.ports.clock import Clock
from greenroom.ports.damage import Damage
from greenroom.ports.databases import Database, Lost, RestorePoint

MIGRATION_LOCK = 0x6772656E726F6F6D  # "grenroom", an advisory lock's 64-bit key
LOCK_POLL_SECONDS = 0.05

CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'
"""


class PostgresDatabases:
    """Fulfils `ports.databases.Databases` on this machine.

    Making one touches nothing. Credentials are kept encrypted in `home.private`, apart from environments' secrets.
    """

    def __init__(
        self,
        home: Home,
        keeper: Keeper,
        project: str,
        clock: Clock,
        *,
        ensure_user: EnsureUser,
        adopt: Adopt,
        providers: Callable[[], Sequence[Provider]] = find_providers,
        reached: Callable[[str], None] = lambda boundary: None,
    ) -> None:
        self._clock = clock
        self._home = home
        self._clusters = Clusters(
            home,
            keeper,
            project,
            clock,
            FileSecrets(home, "database"),
            ensure_user=ensure_user,
            adopt=adopt,
            providers=providers,
        )
        self._points = RestorePoints(home, self._clusters, clock)
        self._restoring = Restoring(home, self._clusters, self._points, clock, reached)
        self._scratch = Scratch(home, self._clusters, clock)
        self._doors = GlassDoors(self._clusters, clock)

    def ensure(self, environment: str, services: Services) -> Database:
        cluster = self._clusters.up(environment, services)
        application = self._clusters.application(cluster)
        version = ensure_ground(self._clusters.superuser(cluster), application, services.extensions)
        return Database(environment, url_of(application), version, cluster.record.provider)

    def passwords(self, environment: str) -> tuple[Secret, ...]:
        return self._clusters.passwords(environment)

    def port(self, environment: str) -> int | None:
        cluster = self._clusters.find(environment)
        return None if cluster is None else cluster.port

    @contextmanager
    def scratch(self, services: Services) -> Iterator[Database]:
        with self._scratch.cluster(services) as (door, version, provider):
            yield Database("scratch", url_of(door), version, provider.name)

    def sweep(self) -> int:
        """Remove throw-away clusters that killed processes left; how many. Called when the control plane starts."""
        return self._scratch.sweep()

    def fingerprint(self, environment: str) -> str:
        with session(self._superuser(environment), APP) as connection:
            need_open(connection)
            return fingerprint_of(connection)

    @contextmanager
    def migration_lock(self, environment: str, *, seconds: float) -> Iterator[None]:
        """Taken in the maintenance database, where an application can neither see nor hold it.

        Before it a file's, because the session of a stopped process would keep the other one for ever: see
        `adapters.locks`.
        """
        end = self._clock.monotonic() + seconds
        busy = Errored(
            "database.migration_busy",
            f"another migration of {environment} is under way",
            because=f"it still holds the lock after {seconds:g} s",
            hint="wait until it has ended",
        )
        file = own_directory(self._home.private / "database", 0o700) / f".{environment}.migration"
        with ExitStack() as held:
            try:
                held.enter_context(locked(file, seconds=seconds))
            except TimeoutError as e:
                raise busy from e
            connection = held.enter_context(session(self._superuser(environment), MAINTENANCE))
            while not _is_true(connection.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK]).fetchone()):
                if self._clock.monotonic() >= end:
                    raise busy
                self._clock.sleep(LOCK_POLL_SECONDS)
            yield

    def make_restore_point(self, environment: str, name: str) -> RestorePoint:
        return self._points.make(environment, name)

    def restore_points(self, environment: str) -> list[RestorePoint]:
        return self._points.all(environment)

    def would_lose(self, point: RestorePoint) -> Lost:
        return self._points.would_lose(point)

    def restore(self, point: RestorePoint, *, aside: str) -> None:
        self._restoring.restore(point, aside)

    def put_back(self, environment: str, *, aside: str) -> None:
        self._restoring.put_back(environment, aside)

    def drop_restore_points(self, environment: str, keep: int) -> int:
        """Databases that restores put aside go too, all but the newest `keep`; they are not counted."""
        dropped = self._points.drop(environment, keep)
        self._restoring.drop_asides(environment, keep)
        return dropped

    def connections(self, environment: str) -> int:
        """Sessions in the application's database."""
        with session(self._superuser(environment), MAINTENANCE) as connection:
            row = connection.execute(CONNECTIONS, [APP]).fetchone()
            return int(row[0]) if row else 0

    def open_door(self, environment: str, name: str, *, writes: bool, until: datetime) -> Secret:
        return self._doors.open(environment, name, writes=writes, until=until)

    def close_door(self, environment: str, name: str) -> None:
        self._doors.close(environment, name)

    def doors(self, environment: str) -> Mapping[str, int]:
        return self._doors.all(environment)

    def damage(self, environment: str) -> list[Damage]:
        return [*self._clusters.damage(environment), *self._points.damage(environment)]

    def stop(self, environment: str) -> None:
        self._clusters.down(environment)

    def _superuser(self, environment: str) -> Door:
        return self._clusters.superuser(self._clusters.need(environment))


def url_of(door: Door) -> Secret:
    """`postgresql://…` as every driver reads it. Names and password hold nothing that a URL must escape."""
    return Secret(f"postgresql://{door.user}:{door.password.reveal()}@{door.host}:{door.port}/{APP}")


def _is_true(row: tuple[object, ...] | None) -> bool:
    return row is not None and row[0] is True
