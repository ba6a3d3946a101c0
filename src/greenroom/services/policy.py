"""Applying configuration: who may, what changes, what the edge and the path are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from greenroom.config.difference import policy_difference
from greenroom.config.load import load
from greenroom.config.project import EnvironmentConfig, ProjectConfig
from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.roles import Action, Actor
from greenroom.ports.edge import Site
from greenroom.services.app import App
from greenroom.store import records


def apply(app: App, actor: Actor, text: str, repository: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Put a configuration in force. An environment that holds a release is not removed (`policy.in_use`).

    Gives back whether anything changed and the lines that differ.
    """
    app.allow(actor, Action.CONFIGURE)
    new = load(text)
    policy_id = digest_of({"text": text, "repository": str(Path(repository))})
    with app.world.store.database.transaction() as tx:
        old = records.newest_policy(tx)
        changes = differences(load(old["text"]) if old else None, new)
        if dry_run or (old is not None and old["id"] == policy_id):
            return {"changed": False, "differences": changes, "project": new.project}
        _refuse_removing_what_is_used(tx, new)
        app.world.edge.configure(sites(new))
        row = {"id": policy_id, "text": text, "repository": repository, "by": actor.name, "at": app.world.clock.now()}
        app.world.store.recorder.record(tx, actor.name, "policy.applied", {"differences": changes}, policy=row)
        _lay_out(app, tx, actor, new)
        app.world.store.works.signal(tx)
    app.poke()
    return {"changed": True, "differences": changes, "project": new.project}


def in_force(app: App, actor: Actor) -> dict[str, Any]:
    """The applied file's text, where releases are made from, by whom. Raises BadInput (`policy.absent`)."""
    app.allow(actor, Action.VIEW)
    with app.world.store.database.reading() as tx:
        row = records.newest_policy(tx)
    if row is None:
        raise BadInput("policy.absent", "no configuration was applied", hint="greenroom up in the repository")
    return {name: row[name] for name in ("id", "text", "repository", "by", "at")}


def sites(config: ProjectConfig) -> list[Site]:
    """What the edge serves: every environment in which something runs."""
    return [_site(config, e) for e in config.environments if e.runs]


def differences(old: ProjectConfig | None, new: ProjectConfig) -> list[str]:
    """In words, for the person who applies it and for the ledger."""
    return policy_difference(old, new) if old is not None else ["everything is new"]


def _site(config: ProjectConfig, e: EnvironmentConfig) -> Site:
    return Site(e.name, config.project, e.kind, e.errors, e.port or 0, e.preview_port or 0, e.hosts)


def _refuse_removing_what_is_used(tx: Connection, new: ProjectConfig) -> None:
    kept = {e.name for e in new.environments}
    used = [r.name for r in records.environments(tx) if r.name not in kept and r.current is not None]
    if used:
        raise Refused(
            "policy.in_use",
            f"{', '.join(used)} would be removed while a release is in it",
            hint="keep it in the file, or empty it first",
        )


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
