"""What can be wrong with a cluster, in words, with the way out."""

from __future__ import annotations

from collections.abc import Callable

from greenroom.adapters.postgres.connect import MAINTENANCE, Door, NotYet, probe, session
from greenroom.adapters.postgres.record import Cluster
from greenroom.adapters.postgres.settings import SCHEDULER
from greenroom.domain.errors import Errored
from greenroom.keeper.spec import Status
from greenroom.ports.damage import Damage

AWAITS_RESTART = "SELECT EXISTS (SELECT FROM pg_settings WHERE pending_restart AND name = ANY(%s))"
AGAIN = "greenroom down --keep-applications, then greenroom up"


def refuse_beginning_empty(cluster: Cluster) -> None:
    """The record is written after the data was made, so a record without data means that the data is gone: a new and
    empty database in its place would look as if all were well. Raises Errored (`database.data_gone`)."""
    if (cluster.root / "cluster.json").exists() and not cluster.data.is_dir():
        raise Errored(
            "database.data_gone",
            f"the data of {cluster.environment}'s database is gone",
            because=f"{cluster.data} is not there, and it was",
            hint=_bring_back(cluster),
        )


def damage_of(cluster: Cluster, status: Status, superuser: Callable[[], Door]) -> list[Damage]:
    """Why it does not answer; empty when it does."""
    if not cluster.data.is_dir():
        said = f"the data of {cluster.environment}'s database is gone: {cluster.data} is not there"
        return [Damage(said, f"{_bring_back(cluster)}; then {AGAIN}")]
    said = f"the database of {cluster.environment} does not run: {status.state}"
    if status.state == "running":
        try:
            probe(superuser(), MAINTENANCE)
        except NotYet as e:
            said = f"the database of {cluster.environment} runs and does not answer: {e}"
        else:
            return []
    more = f", ended last with {status.last_exit}" if status.last_exit else ""
    return [Damage(said + more, f"{AGAIN}; its log is {cluster.log}")]


def awaits_restart(superuser: Door) -> bool:
    """Whether `pg_cron` is loaded without our settings of it: an earlier Greenroom started the server. Nothing can be
    scheduled then, and only a restart brings them."""
    with session(superuser, MAINTENANCE) as connection:
        return connection.execute(AWAITS_RESTART, [list(SCHEDULER)]).fetchone() == (True,)


def _bring_back(cluster: Cluster) -> str:
    return (
        f"bring {cluster.data} back from a backup, with its owner and mode;"
        f" where nothing is to be brought back, remove {cluster.root} and the next start makes an empty database"
    )
