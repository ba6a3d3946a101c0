"""Does what keeps processes running answer? Looked at first: whoever asks it for something starts a new one."""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed


def look(app: App) -> Iterator[Found]:
    if app.world.runtime.answers():
        yield passed("keeper", "answers")
    else:
        said = "it did not answer; applications run on without it, but nobody starts again what ends"
        yield failed("keeper", said, "greenroom up starts another, which takes over what runs")
