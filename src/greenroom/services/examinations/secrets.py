"""Do all secrets open with this home's key?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, passed


def look(app: App) -> Iterator[Found]:
    count = sum(len(app.world.secrets.values(e.name)) for e in app.world.project().environments)
    yield passed("secrets", f"{count} open with this home's key")
