"""Is every release that something holds whole and signed, as it was sealed and as it lies on the ground?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.domain.errors import GreenroomError, Refused
from greenroom.domain.names import short
from greenroom.services.app import App
from greenroom.services.collect import in_use
from greenroom.services.examinations.found import Found, failed, passed


def look(app: App) -> Iterator[Found]:
    with app.world.store.database.reading() as tx:
        wanted = sorted(in_use(app, tx))
    bad = 0
    for digest in wanted:
        try:
            app.world.artifacts.verify(digest)
            app.world.artifacts.check_laid_out(digest)
        except GreenroomError as e:
            bad += 1
            said = f"{e.message}: {e.because}" if isinstance(e, Refused) else e.message
            yield failed(f"release {short(digest)}", said, e.hint or "make the release again from its commit")
    if not bad:
        yield passed("releases", f"{len(wanted)} in use are whole and signed, sealed and as they are laid out")
