"""Making releases and looking at them."""

from __future__ import annotations

import re
from typing import Any

from greenroom.domain.discretion import without_words
from greenroom.domain.errors import BadInput
from greenroom.domain.names import short
from greenroom.domain.plan import WorkKind
from greenroom.domain.release import Release
from greenroom.domain.roles import Action, Actor
from greenroom.domain.work import State, Work
from greenroom.services.app import App
from greenroom.services.discretion import hears_in
from greenroom.store import records

COMMIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@^~{}-]{0,199}")


def make(app: App, actor: Actor, commit: str = "HEAD", *, then_promote: str | None = None) -> Work:
    """Build and seal a release from a commit of the project's repository, as durable work.

    `commit` is anything git understands as one. The same commit asked for again while it is being made gives
    the same work back. `then_promote` names an environment it enters once sealed (its gates are asked as ever).
    Raises BadInput (`release.commit_unknown`, `release.repository_unknown`) at once: then no
    work is made.
    """
    app.allow(actor, Action.RELEASE)
    if then_promote is not None:
        app.allow(actor, Action.PROMOTE, then_promote)
    if not COMMIT.fullmatch(commit) or ".." in commit:
        raise BadInput(
            "release.commit_unknown", f"{commit[:80]!r} does not name a commit", hint="a branch, tag or hash"
        )
    with app.world.store.database.reading() as tx:
        policy = records.newest_policy(tx)
    if policy is None:
        raise BadInput(
            "policy.absent", "no configuration was applied", hint="greenroom up in the application's repository"
        )
    app.world.sealer.resolve(policy["repository"], commit)
    with app.world.store.database.transaction() as tx:
        request = {"commit": commit, "repository": policy["repository"], "then_promote": then_promote}
        open_states = [State.QUEUED, State.ACTIVE, State.WAITING]
        for work in app.world.store.works.find(tx, kinds=[WorkKind.RELEASE], states=open_states):
            if dict(work.request) == request and commit != "HEAD":
                return work
        work = app.new_work(WorkKind.RELEASE, actor, **request)
        app.add_work(tx, work)
    app.poke()
    return work


def listed(app: App, actor: Actor, limit: int = 50) -> list[dict[str, Any]]:
    """Newest first, with where each one is."""
    app.allow(actor, Action.VIEW)
    with app.world.store.database.reading() as tx:
        rows = records.environments(tx)
        return [
            {**summary(r), "in": [e.name for e in rows if e.current == r.digest]}
            for r in records.releases(tx, min(limit, 1000))
        ]


def shown(app: App, actor: Actor, reference: str) -> dict[str, Any]:
    """Everything about one: how it runs, what was found out, its bill of materials and provenance."""
    app.allow(actor, Action.VIEW)
    with app.world.store.database.reading() as tx:
        release = records.release(tx, reference)
        evidence = records.evidence_of(tx, release.digest)
        rows = records.environments(tx)
    return {
        **summary(release),
        "in": [e.name for e in rows if e.current == release.digest],
        "descriptor": release.descriptor.as_dict(),
        "evidence": [
            {
                "id": e.id,
                "kind": e.kind,
                "name": e.name,
                "environment": e.environment,
                "outcome": e.outcome.value,
                "at": e.at,
                "by": e.by,
                "revoked_at": e.revoked_at,
                "facts": dict(e.facts) if hears_in(actor, e.environment, rows) else without_words(e.facts),
            }
            for e in evidence
        ],
    }


def documents(app: App, actor: Actor, reference: str) -> dict[str, Any]:
    """The CycloneDX bill of materials and the signed in-toto provenance."""
    app.allow(actor, Action.VIEW)
    return app.world.artifacts.documents(app.release_digest(reference))


def summary(release: Release) -> dict[str, Any]:
    return {
        "digest": release.digest,
        "short": short(release.digest),
        "version": release.version,
        "commit": release.commit,
        "made_by": release.made_by,
        "made_at": release.made_at,
        "size": release.size,
    }
