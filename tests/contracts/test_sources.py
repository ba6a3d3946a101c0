"""What every adapter of `ports.sources.Sources` keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.memory.sources import MemorySources
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.sources.fetching import PostgresSources
from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.names import VAULT
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.domain.source import SourceServer
from greenroom.ports.sources import Fetched, Sources
from tests.managed import READER_PASSWORD, managed
from tests.postgres_ground import ground


@dataclass
class Case:
    """An adapter, and a server that has three rows."""

    sources: Sources
    server: SourceServer

    def copy(self, name: str, *, goes_on: bool = True, into: str = VAULT) -> Fetched:
        return self.sources.copy(
            self.server,
            Secret(READER_PASSWORD),
            into,
            name,
            Services(18),
            say=lambda words: None,
            go_on=lambda: goes_on,
        )


@pytest.fixture(scope="module", params=["memory", "postgres"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "memory":
        yield Case(MemorySources(SystemClock()), SourceServer("postgresql://reader@db.example.com/shop"))
        return
    with ground() as made:
        clusters: Clusters = made.databases()._clusters
        with managed(clusters, 18, made.home.root.parent / "managed") as server:
            server.run("CREATE TABLE t AS SELECT generate_series(1, 3) AS n")
            yield Case(PostgresSources(made.home, clusters, SystemClock()), server.at())


def test_a_copy_is_made_once_under_a_name(case: Case) -> None:
    """Asked again it is the same, for the vault and for an environment alike; another name is another copy."""
    first = case.copy("once")
    assert (first.rows, first.place, first.version[:2]) == (3, case.server.place, "18")
    assert case.copy("once") == first
    assert case.copy("twice").as_of > first.as_of
    assert case.copy("once", into="staging").as_of > first.as_of


def test_a_copy_that_is_to_end_is_not_there(case: Case) -> None:
    """Who asks for an end gets an error that says so; the same name can be asked for again."""
    with pytest.raises(Errored) as caught:
        case.copy("ended", goes_on=False)
    assert caught.value.code == "data.copy_stopped"
    assert case.copy("ended").rows == 3


def test_a_name_leads_nowhere_else(case: Case) -> None:
    """Names become directories."""
    with pytest.raises(BadInput) as caught:
        case.copy("../elsewhere")
    assert caught.value.code == "name.invalid"
