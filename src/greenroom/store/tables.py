"""The tables. Instants are ISO 8601 text in UTC (they sort), nested values are JSON text: the same on
SQLite and PostgreSQL.

The tables in `RECORDED` are changed only by `Recorder.record`, which writes the ledger entry in the same
transaction; their contents can therefore be recomputed from the ledger and compared.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, Table, text

from greenroom.store.columns import Instant, Json, Text

SCHEMA_VERSION = 4

metadata = MetaData()


meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("subject", Json, nullable=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
)

release = Table(
    "release",
    metadata,
    Column("id", Text, primary_key=True),  # the OCI manifest's digest
    Column("project", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("git_commit", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("descriptor", Json, nullable=False),
    Column("size", BigInteger, nullable=False, default=0),
    Column("collected_at", Instant),
    Index("release_by_time", "made_at"),
    Index("release_by_version", "version"),
    Index("release_by_commit", "git_commit"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("environment", Text),
    Column("outcome", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("facts", Json, nullable=False),
    Column("revoked_at", Instant),
    Column("revoked_why", Text, nullable=False, default=""),
    Index("evidence_by_release", "release", "at"),
    Index("evidence_by_place", "kind", "environment", "at"),
)

approval = Table(
    "approval",
    metadata,
    Column("id", Text, primary_key=True),
    Column("release", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("roles", Json, nullable=False),
    Column("shown", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("revoked_at", Instant),
    Index("approval_by_release", "release", "environment"),
)

freeze = Table(
    "freeze",
    metadata,
    Column("id", Text, primary_key=True),
    Column("environment", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("until", Instant),
    Column("lifted_at", Instant),
    Index("freeze_by_environment", "environment", "lifted_at"),
)

override = Table(
    "override",
    metadata,
    Column("id", Text, primary_key=True),
    Column("gate", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("override_by_release", "release", "environment"),
)

environment = Table(
    "environment",
    metadata,
    Column("id", Text, primary_key=True),  # its name
    Column("kind", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("current", Text),  # the release visitors reach
    Column("current_work", Text),  # the work that put it there: its instances carry this id
    Column("dial", Text, nullable=False, default=""),
    Column("previous", Text),  # what a rollback returns to
    Column("since", Instant),
    Column("removed_at", Instant),
    Index("environment_by_position", "removed_at", "position"),
)

account = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),  # the person's or machine's name
    Column("roles", Json, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Index("account_by_token", "token_hash"),
)

policy = Table(
    "policy",
    metadata,
    Column("id", Text, primary_key=True),  # digest of the text
    Column("text", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("policy_by_time", "at"),
)

glass = Table(
    "glass",
    metadata,
    Column("id", Text, primary_key=True),
    Column("environment", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("writes", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("closed_why", Text, nullable=False, default=""),
    Index("glass_by_end", "closed_at", "at"),
)

RECORDED: dict[str, Table] = {
    t.name: t for t in (release, evidence, approval, freeze, override, environment, account, policy, glass)
}
"""What can be recomputed from the ledger: table by the name its rows have in an entry's subject."""

fence = Table(
    "fence",
    metadata,
    Column("environment", Text, primary_key=True),
    Column("token", Integer, nullable=False),
)
"""The last fencing token given out for an environment. It only grows."""

work = Table(
    "work",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("environment", Text),
    Column("release", Text),
    Column("plan", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("cursor", Integer, nullable=False, default=0),
    Column("direction", Text, nullable=False, default="forward"),
    Column("facts", Json, nullable=False),
    Column("request", Json, nullable=False),
    Column("not_before", Instant),
    Column("wake_at", Instant),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", Json),
    Column("cancel", Text),
    Column("token", Integer, nullable=False, default=0),
    Column("owner", Text),
    Column("lease_until", Float),  # seconds since the epoch, on the store's clock
    Column("started_at", Instant),
    Column("ended_at", Instant),
    # One piece of work per environment, decided by the database and not by a lock in memory.
    Index(
        "one_active_per_environment",
        "environment",
        unique=True,
        sqlite_where=text("state IN ('active', 'attention')"),
        postgresql_where=text("state IN ('active', 'attention')"),
    ),
    # A schedule happens once for its local time, also when the clock shows that time twice.
    Column("schedule_key", Text, unique=True),
    Index("work_by_time", "requested_at", "id"),
    Index("work_by_place_and_state", "environment", "state"),
    Index("work_by_state", "state", "requested_at"),
    Index("work_by_environment", "environment", "requested_at"),
)

history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("work", Text, ForeignKey("work.id"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", Text, nullable=False),  # done, again, failed, errored
    Column("started_at", Instant, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("detail", Text, nullable=False, default=""),
)
