"""Can other users of this machine read what is secret, or change what Greenroom relies on?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, damaged, passed


def look(app: App) -> Iterator[Found]:
    found = app.world.house.exposed()
    yield from (damaged("home", d) for d in found)
    if not found:
        yield passed("home", "what is private is closed to other users")
