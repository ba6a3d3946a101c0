"""drill: the newest backup restored for practice into a cluster that is thrown away, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.domain.backup import Archive, Mark
from greenroom.domain.errors import GreenroomError, Refused
from greenroom.domain.evidence import Outcome
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext, StepFailed, told_of
from greenroom.workflows.steps.rebuild import facts_of, rebuild


class DrillStep:
    """Twice: once to the newest restore point whose rows and checksums were recorded, and compares every table; once to
    the end of the log, for the recovery point (how old the last commit is) and the recovery time. What comes of it is
    evidence, also when it fails."""

    name = "drill"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        try:
            facts = self._drill(context)
        except GreenroomError as error:
            outcome = Outcome.FAILED if isinstance(error, Refused) or _is_damage(error) else Outcome.ERRORED
            raise StepFailed(error, (NewEvidence("drill", context.environment, outcome, told_of(error)),)) from error
        finally:
            self._clear(context)
        if facts["compared_with"] is None:
            nothing = _nothing_compared(context.environment)
            raise StepFailed(
                nothing, (NewEvidence("drill", context.environment, Outcome.ERRORED, facts | told_of(nothing)),)
            )
        said = f"restored in {facts['rto_seconds']} s; {facts['tables']} tables are as they were"
        context.say(said)
        return Done(facts, (NewEvidence("drill", context.environment, Outcome.PASSED, facts),))

    def undo(self, context: StepContext) -> Outcomes:
        self._clear(context)
        return Done()

    def _drill(self, context: StepContext) -> dict[str, Any]:
        world = context.world
        world.backups.ship(context.environment)
        archive = world.backups.archive(context.environment)
        facts: dict[str, Any] = {"tables": 0, "compared_with": None}
        mark = _newest_counted(archive)
        if mark is not None:
            context.say(f"to restore point {mark.name}, to compare what was recorded there")
            facts |= {"compared_with": mark.name, "tables": self._compare(context, mark)}
        now, began = world.clock.now(), world.clock.monotonic()
        route, rebuilt = rebuild(context, context.environment, f"{context.work.id}-latest", census=True)
        facts |= facts_of(route, rebuilt)
        stream = world.backups.stream(context.environment)
        rpo = (now - rebuilt.last_commit).total_seconds() if rebuilt.last_commit and stream.behind != 0 else 0.0
        return facts | {
            "rto_seconds": round(world.clock.monotonic() - began, 3),
            "rpo_seconds": round(max(0.0, rpo), 3),
            "counted": len(rebuilt.census.get("tables", {})),
        }

    def _compare(self, context: StepContext, mark: Mark) -> int:
        """Restore to the mark; how many tables were compared. Raises Refused (`drill.differs`)."""
        to_mark = context.with_request(to=mark.name)
        _, rebuilt = rebuild(to_mark, context.environment, f"{context.work.id}-mark", census=True)
        context.crash("compared")
        wrong = differences(mark.census.get("tables", {}), rebuilt.census.get("tables", {}))
        if wrong:
            raise Refused(
                "drill.differs",
                f"what was restored of {context.environment} is not what was there at {mark.name}",
                because="; ".join(wrong[:10]),
                hint="greenroom backup verify, then greenroom backup now --full; keep the old ones meanwhile",
                facts={"differences": wrong},
            )
        return len(mark.census.get("tables", {}))

    def _clear(self, context: StepContext) -> None:
        for what in ("mark", "latest"):
            context.world.backups.discard(context.environment, f"{context.work.id}-{what}")


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In words, by table; tables that were not counted then are nobody's word."""
    found = []
    for table, was in sorted(then.items()):
        here = now.get(table)
        if here is None:
            found.append(f"{table} is missing")
        elif here["rows"] != was["rows"]:
            found.append(f"{table} has {here['rows']} rows instead of {was['rows']}")
        elif here["checksum"] != was["checksum"]:
            found.append(f"the contents of {table} differ")
    return found


def _newest_counted(archive: Archive) -> Mark | None:
    return next((m for m in reversed(archive.marks) if "tables" in m.census), None)


def _nothing_compared(environment: str) -> Refused:
    """Not tried again by itself: the next drill would find as little."""
    return Refused(
        "drill.nothing_compared",
        f"{environment} was restored, and nothing could be compared",
        because="no restore point has counted rows: the database never rested while its backups were made",
        hint="greenroom backup now when fewer people write, then greenroom backup drill",
    )


def _is_damage(error: GreenroomError) -> bool:
    return error.code.startswith("backup.") and error.code != "backup.place"
