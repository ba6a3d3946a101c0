"""A PostgreSQL that keeps Greenroom's store, and can be away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from greenroom.domain.release import Services
from tests.postgres_ground import Ground, ground


@dataclass
class PostgresStore:
    """`url` is in SQLAlchemy's form, as `GREENROOM_STORE` takes it."""

    ground: Ground

    @property
    def url(self) -> str:
        plain = self.ground.databases().ensure("dev", Services()).url.reveal()
        return plain.replace("postgresql://", "postgresql+psycopg://", 1)

    def stop(self) -> None:
        for status in self.ground.keeper.all():
            self.ground.keeper.stop(status.name)

    def start(self) -> None:
        self.ground.databases().ensure("dev", Services())


@contextmanager
def postgres_store() -> Iterator[PostgresStore]:
    with ground() as made:
        yield PostgresStore(made)
