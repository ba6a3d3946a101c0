"""Is there room? Less than a gigabyte is said before it is nothing."""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed

LOW_DISK = 1 << 30


def look(app: App) -> Iterator[Found]:
    free, where = app.world.house.free_bytes(), app.world.house.where()
    if free < LOW_DISK:
        said = f"{free / 1e6:.0f} MB free under {where}; releases, restore points and the store need room"
        yield failed("disk", said, "make room on that disk; greenroom collect removes releases that nobody needs")
    else:
        yield passed("disk", f"{free / 1e9:.0f} GB free under {where}")
