"""Signed pushes: each is accepted once, by whichever control plane, also after a restart."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from greenroom.domain.ledger import timestamp
from greenroom.services.app import App
from greenroom.store.tables import meta

_KEY = "hook:"


def accept_once(app: App, signature: str, remembered: timedelta) -> bool:
    """True for the first time within `remembered` that this signature is seen; what is older is forgotten."""
    key, now = _KEY + signature, app.world.clock.now()
    c = meta.c
    with app.world.store.database.transaction() as tx:
        tx.execute(meta.delete().where(c.key.startswith(_KEY), c.value < timestamp(now)))
        if tx.scalar(select(c.key).where(c.key == key)) is not None:
            return False
        tx.execute(meta.insert().values(key=key, value=timestamp(now + remembered)))
    return True
