"""Is mail caught before production?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import AGAIN, Found, failed, passed


def look(app: App) -> Iterator[Found]:
    if app.world.mail.alive():
        yield passed("mail", "is caught before production")
    else:
        said = "nobody catches mail: what applications send before production is refused, and goes nowhere"
        yield failed("mail", said, f"{AGAIN}; its log is logs/mail.log in the home")
