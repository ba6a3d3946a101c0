"""Indexes for what was read row by row: with thousands of releases, works and environments each of these questions cost
time in proportion to everything there ever was.

The work list over all environments; what holds an environment or waits for it; a release by its version or commit; an
account by its token; the environments on the path; the configuration in force; freezes that hold.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

INDEXES = (
    'CREATE INDEX work_by_place_and_state ON "work" (environment, state)',
    'CREATE INDEX work_by_time ON "work" (requested_at, id)',
    'CREATE INDEX release_by_version ON "release" (version)',
    'CREATE INDEX release_by_commit ON "release" (git_commit)',
    'CREATE INDEX account_by_token ON "account" (token_hash)',
    'CREATE INDEX environment_by_position ON "environment" (removed_at, position)',
    'CREATE INDEX policy_by_time ON "policy" (at)',
    'CREATE INDEX freeze_by_environment ON "freeze" (environment, lifted_at)',
    "DROP INDEX ix_freeze_environment",
)


def forward(tx: Connection) -> None:
    for statement in INDEXES:
        tx.execute(text(statement))
