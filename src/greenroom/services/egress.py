"""The outgoing network of environments: what they may reach, what they were refused, and what looks after it."""

from __future__ import annotations

import threading
from typing import Any

import structlog

from greenroom.domain.errors import GreenroomError
from greenroom.domain.names import short
from greenroom.domain.roles import Action, Actor
from greenroom.domain.work import State
from greenroom.services.app import App
from greenroom.store import records
from greenroom.workflows.reach import limit

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0


def listed(app: App, actor: Actor) -> list[dict[str, Any]]:
    """Every environment in which something runs, in the order of the path, with how much it was refused."""
    app.allow(actor, Action.VIEW)
    return [_total(app, e.name) for e in app.world.project().environments if e.runs]


def shown(app: App, actor: Actor, environment: str) -> dict[str, Any]:
    """One environment, with every destination it was refused: that is something its programs said."""
    app.allow(actor, Action.READ_LOGS, environment)
    return {**_total(app, environment), **app.world.egress.refused(environment).as_dict()}


def standing(app: App, environment: str) -> dict[str, Any]:
    """Whether it is limited, whether it should be, and what keeps it from being so."""
    is_wanted = app.world.project().environment(environment).egress is not None
    if not is_wanted:
        return {"limited": False, "wanted": False, "why_not": ""}
    found = app.world.egress.standing()
    if not found.is_possible:
        return {"limited": False, "wanted": True, "why_not": found.why}
    is_limited = environment in found.limited
    return {"limited": is_limited, "wanted": True, "why_not": "" if is_limited else "the rules are not in force"}


def _total(app: App, environment: str) -> dict[str, Any]:
    allow = app.world.project().environment(environment).egress
    return {
        "environment": environment,
        "allow": "any" if allow is None else [str(d) for d in allow],
        "total": app.world.egress.refused(environment).total,
        **standing(app, environment),
    }


class Guard:
    """Keeps the rules in force and the counting going; `start` and `stop` from the same thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="guard", daemon=True)
        self._said = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def look(self) -> None:
        """One round. Ports that were given out since are taken up too."""
        limit(self._app.world)
        self._app.world.egress.look(self._running())

    def _loop(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.look()
                self._said = ""
            except Exception as e:  # noqa: BLE001 - whatever it is, the next look may find it gone
                said = f"{type(e).__name__}: {e}"
                if said != self._said:  # once, not every two seconds
                    told = {k: str(v) for k, v in e.as_dict().items()} if isinstance(e, GreenroomError) else {}
                    log.warning("egress.failed", error=said, **told)
                self._said = said

    def _running(self) -> dict[str, list[str]]:
        """Short digests of what runs in each environment: two while one takes the place of the other."""
        with self._app.world.store.database.reading() as tx:
            found = {row.name: [row.current] if row.current else [] for row in records.environments(tx)}
            for work in self._app.world.store.works.find(tx, states=[State.ACTIVE]):
                if work.environment in found and work.release and work.release not in found[work.environment]:
                    found[work.environment].append(work.release)
        return {name: [short(d) for d in digests] for name, digests in found.items()}
