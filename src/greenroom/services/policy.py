"""Applying configuration: who may, what changes, what the edge and the path are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping, select

from greenroom.config.difference import policy_difference
from greenroom.config.load import load
from greenroom.config.project import EnvironmentConfig, ProjectConfig
from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import BadInput, GreenroomError, Refused
from greenroom.domain.roles import Action, Actor
from greenroom.ports.edge import Site
from greenroom.services.app import App
from greenroom.store import records, tables
from greenroom.store.database import Database
from greenroom.store.works import unfinished
from greenroom.workflows.reach import limit

log = structlog.get_logger(__name__)

_TURN = Lock()
"""What the edge serves and what is in force change together: two who apply at once take turns."""


class AppliedPolicy:
    """The configuration in force, kept in memory, because it is asked for in the middle of transactions.

    `first` counts as long as none was applied. `refresh` looks for a newer one: `apply` calls it, and whoever shares
    the store with other control planes calls it now and then.
    """

    def __init__(self, database: Database, first: ProjectConfig | None = None) -> None:
        self._database = database
        self._known: tuple[str, ProjectConfig] | None = ("", first) if first else None
        self._digest = ""
        self._turn = Lock()
        self.refresh()

    def __call__(self) -> ProjectConfig:
        """Raises BadInput (`policy.absent`)."""
        known = self._known
        if known is None:
            raise _absent()
        return known[1]

    def refresh(self) -> None:
        """Take up the newest. Not within a transaction: it needs a connection of its own."""
        with self._turn:  # reading and taking up are one, so that a slow reader does not bring an older one back
            with self._database.reading() as tx:
                row = records.newest_policy(tx)
            if row is not None and (self._known is None or self._known[0] != row["id"]):
                self._known = (row["id"], load(row["text"]))
                self._digest = _policy_id(row["text"], row["repository"])

    def digest(self) -> str:
        """Of what is in memory: the identifier it was applied under, unless its row was changed before it was read.
        Empty when none was applied."""
        return self._digest


def apply(app: App, actor: Actor, text: str, repository: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Put a configuration in force. An environment that holds a release, or that unfinished work is about, is not
    removed (`policy.in_use`); another project's is refused, also for `dry_run` (`policy.other_project`).

    Gives back whether anything changed and the lines that differ.
    """
    app.allow(actor, Action.CONFIGURE)
    new = load(text)
    row = {"id": _policy_id(text, repository), "text": text, "repository": repository}
    with _TURN:
        with app.world.store.database.reading() as tx:
            old, changes = _compared(tx, new)
            if dry_run or (old is not None and old["id"] == row["id"]):
                return {"changed": False, "differences": changes, "project": new.project}
            _refuse_removing_what_is_used(tx, new)
        with _served(app, old, new):
            changes = _put_in_force(app, actor, new, row)
        app.world.project.refresh()
    _limit(app)
    app.poke()
    return {"changed": True, "differences": changes, "project": new.project}


def _limit(app: App) -> None:
    """The configuration is in force by now: what the machine refuses is tried again every few seconds, and the doctor
    says so."""
    try:
        limit(app.world)
    except GreenroomError as e:
        log.error("egress.not_applied", **{k: str(v) for k, v in e.as_dict().items()})  # noqa: TRY400


def _policy_id(text: str, repository: str) -> str:
    return digest_of({"text": text, "repository": str(Path(repository))})


@contextmanager
def _served(app: App, old: RowMapping | None, new: ProjectConfig) -> Iterator[None]:
    """The edge serves the new sites; again the old ones when the block fails. It takes its time, and nobody waits: this
    is no part of a transaction. Killed in between, the next control plane tells the edge what is in force."""
    app.world.edge.configure(sites(new))
    try:
        yield
    except BaseException:
        app.world.edge.configure(sites(load(old["text"])) if old else [])
        raise


def _put_in_force(app: App, actor: Actor, new: ProjectConfig, row: Mapping[str, Any]) -> list[str]:
    """Everything that is recorded about it, in one transaction; what differs from what was in force until now."""
    with app.world.store.database.transaction() as tx:
        _refuse_removing_what_is_used(tx, new)
        old, changes = _compared(tx, new)
        at = _after(old["at"] if old else None, app.world.clock.now())
        about = {"differences": changes}
        app.world.store.recorder.record(
            tx, actor.name, "policy.applied", about, policy={**row, "by": actor.name, "at": at}
        )
        _lay_out(app, tx, actor, new)
        app.world.store.works.signal(tx)
    return changes


def _compared(tx: Connection, new: ProjectConfig) -> tuple[RowMapping | None, list[str]]:
    old = records.newest_policy(tx)
    now = load(old["text"]) if old else None
    if now is not None and now.project != new.project:
        raise Refused(
            "policy.other_project",
            f"the configuration of {new.project} is not applied here",
            because=f"this home serves {now.project}, and a home serves one project",
            hint="keep the project's name; greenroom up --home gives another project a home of its own",
            facts={"project": now.project, "wanted": new.project},
        )
    return old, differences(now, new)


def _after(last: datetime | None, now: datetime) -> datetime:
    """Now, yet later than the last: the newest is the one in force, also when a clock went back meanwhile."""
    return now if last is None else max(now, last + timedelta(microseconds=1))


def in_force(app: App, actor: Actor) -> dict[str, Any]:
    """The applied file's text, where releases are made from, by whom. Raises BadInput (`policy.absent`)."""
    app.allow(actor, Action.VIEW)
    with app.world.store.database.reading() as tx:
        row = records.newest_policy(tx)
    if row is None:
        raise _absent()
    return {name: row[name] for name in ("id", "text", "repository", "by", "at")}


def sites(config: ProjectConfig) -> list[Site]:
    """What the edge serves: every environment in which something runs."""
    return [_site(config, e) for e in config.environments if e.runs]


def differences(old: ProjectConfig | None, new: ProjectConfig) -> list[str]:
    """In words, for the person who applies it and for the ledger."""
    return policy_difference(old, new) if old is not None else ["everything is new"]


def _site(config: ProjectConfig, e: EnvironmentConfig) -> Site:
    return Site(e.name, config.project, e.kind, e.errors, e.port or 0, e.preview_port or 0, e.hosts)


def _absent() -> BadInput:
    return BadInput("policy.absent", "no configuration was applied", hint="greenroom up in the repository")


def _refuse_removing_what_is_used(tx: Connection, new: ProjectConfig) -> None:
    kept = {e.name for e in new.environments}
    removed = [r for r in records.environments(tx) if r.name not in kept]
    holding = [r.name for r in removed if r.current is not None]
    if holding:
        raise Refused(
            "policy.in_use",
            f"{', '.join(holding)} would be removed while a release is in it",
            hint="keep it in the file, or empty it first",
        )
    works = _about_environments(tx, {r.name for r in removed})
    if works:
        named = ", ".join(f"{work} ({environment})" for work, environment in works[:5])
        raise Refused(
            "policy.in_use",
            f"{', '.join(sorted({e for _, e in works}))} would be removed while work is under way there",
            because=f"not ended yet: {named}",
            hint=f"greenroom cancel {works[0][0]}, or wait until it ends",
        )


def _about_environments(tx: Connection, names: set[str]) -> list[tuple[str, str]]:
    """Unfinished work that names one of these environments, as where it happens or as where it leads next."""
    w = tables.work.c
    rows = tx.execute(select(w.id, w.environment, w.request).where(unfinished()).order_by(w.requested_at, w.id))
    found = [(r.id, r.environment or (r.request or {}).get("then_promote")) for r in rows]
    return [(work, environment) for work, environment in found if environment in names]


def _lay_out(app: App, tx: Connection, actor: Actor, new: ProjectConfig) -> None:
    """The environments' rows: new ones, moved ones, removed ones."""
    known = {r.name: r for r in records.environments(tx)}
    for position, e in enumerate(new.environments):
        row = known.pop(e.name, None)
        if row is None or row.position != position or row.kind is not e.kind:
            change = {"id": e.name, "kind": e.kind.value, "position": position, "removed_at": None}
            app.world.store.recorder.record(tx, actor.name, "environment.laid_out", environment=change)
    for name in known:
        gone = {"id": name, "removed_at": app.world.clock.now()}
        app.world.store.recorder.record(tx, actor.name, "environment.removed", environment=gone)
