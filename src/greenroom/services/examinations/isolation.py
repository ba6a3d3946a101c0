"""What separates environments on this machine: nothing to fail, something to know."""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, passed


def look(app: App) -> Iterator[Found]:
    yield passed("isolation", app.world.runtime.isolation())
