"""A managed server for development and tests: it has rows, or says no."""

from __future__ import annotations

from collections.abc import Callable

from greenroom.domain.errors import Errored, GreenroomError
from greenroom.domain.names import checked_name
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.domain.source import SourceServer
from greenroom.ports.clock import Clock
from greenroom.ports.datasets import GoOn, Say
from greenroom.ports.sources import Fetched


class MemorySources:
    """Fulfils `ports.sources.Sources`. `problem` is raised by the next copy; `asked` says who came in with what;
    `made` what lies there, by place and name."""

    def __init__(self, clock: Clock, begin: Callable[[str, str], None] = lambda into, name: None) -> None:
        self._clock, self._begin = clock, begin
        self.rows = 3
        self.problem: GreenroomError | None = None
        self.asked: list[tuple[str, str]] = []
        self.made: dict[tuple[str, str], Fetched] = {}

    def copy(
        self,
        server: SourceServer,
        password: Secret | None,
        into: str,
        name: str,
        services: Services,
        *,
        say: Say,
        go_on: GoOn,
    ) -> Fetched:
        key = (into, checked_name(name, "work"))
        if key not in self.made:
            self.asked.append((server.place, password.reveal() if password else ""))
            if self.problem is not None:
                raise self.problem
            if not go_on():
                raise Errored("data.copy_stopped", "the copy was stopped", hint="ask for it again")
            say(f"reading {server.place}")
            major = str(services.postgres)
            self.made[key] = Fetched(
                server.place, self._clock.now(), "15.9", f"{major}.4", services.extensions, self.rows, 1000, 1.0
            )
            self._begin(into, name)
        return self.made[key]
