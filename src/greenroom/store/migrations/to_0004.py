"""Break-glass access: who was let into which database, why, until when. What is open must be known after a restart."""

from __future__ import annotations

from sqlalchemy import Connection, text

STATEMENTS = (
    """CREATE TABLE "glass" (
        id TEXT NOT NULL PRIMARY KEY,
        environment TEXT NOT NULL,
        "by" TEXT NOT NULL,
        reason TEXT NOT NULL,
        writes BOOLEAN NOT NULL,
        at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        closed_at TEXT,
        closed_why TEXT NOT NULL
    )""",
    'CREATE INDEX glass_by_end ON "glass" (closed_at, at)',
)


def forward(tx: Connection) -> None:
    for statement in STATEMENTS:
        tx.execute(text(statement))
