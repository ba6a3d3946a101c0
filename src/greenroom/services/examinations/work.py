"""Does some work need a person?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.domain.work import State
from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed


def look(app: App) -> Iterator[Found]:
    with app.world.store.database.reading() as tx:
        stuck = app.world.store.works.find(tx, states=[State.ATTENTION])
    for work in stuck:
        said = f"{work.id} needs a person: {(work.error or {}).get('message', '')}"
        yield failed("work", said, f"greenroom work show {work.id}, then greenroom resume {work.id}")
    if not stuck:
        yield passed("work", "nothing needs a person")
