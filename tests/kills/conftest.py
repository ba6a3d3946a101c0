"""One scene for the suites of this room: making it takes longer than most of what is done in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kills.postgres_store import PostgresStore, postgres_store
from tests.kills.scene import Scene, scene


@pytest.fixture(scope="session")
def made() -> Iterator[Scene]:
    with scene() as found:
        yield found


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresStore]:
    with postgres_store() as found:
        yield found


@pytest.fixture(scope="session")
def on_postgres(postgres: PostgresStore) -> Iterator[Scene]:
    """As `made`, its store kept by PostgreSQL."""
    with scene(postgres.url) as found:
        yield found


@pytest.fixture
def play(made: Scene) -> Scene:
    """1.0 serves production, nothing is under way, no crash is asked for."""
    made.crashes.write_text("")
    made.back_to_older()
    return made
