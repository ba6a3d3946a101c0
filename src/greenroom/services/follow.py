"""Development holds the newest commit, at once: a branch is watched, each new commit becomes a release there."""

from __future__ import annotations

import subprocess
import threading

import structlog

from greenroom.domain.errors import GreenroomError
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Actor, Role
from greenroom.services import releases
from greenroom.services.app import App
from greenroom.store import records

log = structlog.get_logger(__name__)

FOLLOWER = Actor("follower", frozenset({Role.AUTOMATION}))
SECONDS = 2.0


class Follower:
    """Looks at the followed branches every two seconds. A commit is tried once, whatever came of it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._known_tips: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _loop(self) -> None:
        while not self._stop.wait(SECONDS):
            try:
                self.look()
            except Exception as e:  # noqa: BLE001 - whatever it was, the next look comes
                log.warning("follow.failed", error=f"{type(e).__name__}: {e}")

    def look(self) -> list[str]:
        """Ask for a release of every followed branch whose tip has none yet; the commits asked for. A branch that
        cannot be looked at holds up no other."""
        asked = []
        for environment in self._app.world.project().environments:
            if environment.follow is None:
                continue
            try:
                asked += self._ask(environment.name, environment.follow)
            except (GreenroomError, OSError, subprocess.SubprocessError) as e:
                log.warning("follow.failed", environment=environment.name, error=str(e))
        return asked

    def _ask(self, environment: str, branch: str) -> list[str]:
        commit = self._tip(branch)
        if not commit or self._known_tips.get(environment) == commit:
            return []
        if self._known(commit):
            self._known_tips[environment] = commit
            return []
        releases.make(self._app, FOLLOWER, commit, then_promote=environment)
        return [commit]

    def _tip(self, branch: str) -> str | None:
        with self._app.world.store.database.reading() as tx:
            policy = records.newest_policy(tx)
        if policy is None:
            return None
        command = ["git", "-C", policy["repository"], "rev-parse", "--verify", "--quiet", "--end-of-options"]
        shown = subprocess.run(
            [*command, f"{branch}^{{commit}}"], capture_output=True, text=True, check=False, timeout=30
        )
        return shown.stdout.strip() or None

    def _known(self, commit: str) -> bool:
        """True if it is released, or work for it was asked for before, by anybody. Asked once for each new tip: it
        looks through a thousand works."""
        with self._app.world.store.database.reading() as tx:
            if records.is_commit_released(tx, commit):
                return True
            works = self._app.world.store.works.find(tx, kinds=[WorkKind.RELEASE], limit=1000)
        return any(commit in (w.request.get("commit"), (w.facts.get("fetch") or {}).get("commit")) for w in works)
