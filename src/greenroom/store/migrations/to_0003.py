"""An index for the newest evidence of a kind about an environment: what its database holds is asked for whenever the
path is shown, and evidence only grows."""

from __future__ import annotations

from sqlalchemy import Connection, text


def forward(tx: Connection) -> None:
    tx.execute(text('CREATE INDEX evidence_by_place ON "evidence" (kind, environment, at)'))
