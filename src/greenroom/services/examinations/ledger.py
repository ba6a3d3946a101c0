"""Do all entries hold together, and do the tables say what they say?"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from greenroom.domain.roles import SYSTEM
from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed
from greenroom.services.examinations.store import WAY_OUT
from greenroom.services.record_keeping import verify

MOST_NAMED = 20


def look(app: App) -> Iterator[Found]:
    try:
        told = verify(app, SYSTEM)
    except SQLAlchemyError as e:
        yield failed("ledger", f"it cannot be read to its end: {str(e).splitlines()[0]}", WAY_OUT)
        return
    if told["verified"]:
        yield passed("ledger", f"{told['entries']} entries hold together, and every table says the same")
    for problem in told["problems"][:MOST_NAMED]:
        said = "somebody wrote past Greenroom: compare with an exported ledger to see what, then "
        yield failed("ledger", problem, said + WAY_OUT)
