"""Does the edge serve, and does it serve what was applied?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import AGAIN, Found, failed, passed
from greenroom.services.policy import sites


def look(app: App) -> Iterator[Found]:
    if not app.world.edge.alive():
        yield failed("edge", "does not answer: nobody reaches any environment", f"{AGAIN}; its log is logs/edge.log")
    elif drift := app.world.edge.drift(sites(app.world.project())):
        yield failed("edge", drift, AGAIN)
    else:
        yield passed("edge", "answers, and serves what was applied")
