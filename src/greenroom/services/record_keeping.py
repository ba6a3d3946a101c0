"""The ledger, read and proved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from greenroom.domain import ledger as chain
from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.ledger import Broken, Entry
from greenroom.domain.roles import Action, Actor
from greenroom.services.app import App
from greenroom.store.recorder import Told, differences

HEAD = re.compile(r"sha256:[0-9a-f]{64}")


def entries(app: App, actor: Actor, *, after: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
    """In order, from the entry after `after`."""
    app.allow(actor, Action.READ_LEDGER)
    with app.world.store.database.reading() as tx:
        return [e.as_dict() for e in app.world.store.recorder.entries(tx, after=after, limit=limit)]


def page(
    app: App, actor: Actor, *, after: int | None = None, before: int | None = None, limit: int = 100
) -> tuple[list[dict[str, Any]], int]:
    """Entries in order, and how many the ledger has: those that follow `after` where it is given, else the newest (of
    those before `before`)."""
    app.allow(actor, Action.READ_LEDGER)
    recorder = app.world.store.recorder
    with app.world.store.database.reading() as tx:
        if after is None:
            found = recorder.newest(tx, before=before, limit=limit)
        else:
            found = [e for e in recorder.entries(tx, after=after, limit=limit) if before is None or e.seq < before]
        return [e.as_dict() for e in found], recorder.count(tx)


def verify(app: App, actor: Actor, *, head: str | None = None) -> dict[str, Any]:
    """Prove the chain, then that every recorded table says what the ledger says.

    `head`: a hash exported earlier, which must still be on the chain: it shows a ledger that was cut and regrown.
    Raises BadInput (`ledger.head_malformed`).
    """
    app.allow(actor, Action.READ_LEDGER)
    if head is not None and not HEAD.fullmatch(head):
        raise BadInput(
            "ledger.head_malformed",
            f"{head[:80]!r} is no entry's hash",
            because="a hash is sha256: and 64 hexadecimal digits, all of them",
            hint="it stands under hash in the last line of what greenroom ledger export wrote",
        )
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
