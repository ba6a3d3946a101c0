"""The ledger, read and proved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from greenroom.domain import ledger as chain
from greenroom.domain.errors import Errored
from greenroom.domain.ledger import Broken, Entry
from greenroom.domain.roles import Action, Actor
from greenroom.services.app import App
from greenroom.store.recorder import Told, differences


def entries(app: App, actor: Actor, *, after: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
    """In order, from the entry after `after`."""
    app.allow(actor, Action.READ_LEDGER)
    with app.world.store.database.reading() as tx:
        return [e.as_dict() for e in app.world.store.recorder.entries(tx, after=after, limit=limit)]


def verify(app: App, actor: Actor, *, head: str | None = None) -> dict[str, Any]:
    """Prove the chain, then that every recorded table says what the ledger says.

    `head`: a hash exported earlier, which must still be on the chain: it shows a ledger that was cut and regrown.
    """
    app.allow(actor, Action.READ_LEDGER)
    watch = _Watch(head)
    with app.world.store.database.reading() as tx, closing(Told()) as told:
        entries = told.following(app.world.store.recorder.entries(tx))  # one reading of it answers both questions
        try:
            found = chain.verify(watch.over(entries))
        except Errored as unreadable:
            found = Broken(watch.count + 1, unreadable.because)
        problems = [] if isinstance(found, Broken) else differences(tx, told)
    if isinstance(found, Broken):
        problems = [f"entry {found.seq}: {found.problem}"]
    elif head is not None and not watch.met:
        problems.append("the exported head is not on this chain: entries after or at it were replaced")
    count = found.seq - 1 if isinstance(found, Broken) else found.entries
    tip = None if isinstance(found, Broken) else found.head
    return {"verified": not problems, "entries": count, "head": tip, "problems": problems}


@dataclass
class _Watch:
    """How many entries were read, and whether the exported head was among them."""

    head: str | None
    count: int = 0
    met: bool = False

    def over(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        for entry in entries:
            self.count += 1
            self.met = self.met or entry.hash == self.head
            yield entry
