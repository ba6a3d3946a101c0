"""A refresh with synthetic data: the seed of the release that runs in the environment, in a database of its own
migrations."""

from __future__ import annotations

from typing import Any

from greenroom.domain.errors import Refused
from greenroom.domain.ledger import timestamp
from greenroom.domain.release import Release
from greenroom.ports.databases import Database
from greenroom.workflows.step import StepContext


def is_seed(context: StepContext) -> bool:
    """The work brings the release's seed, nothing from elsewhere."""
    return bool(context.work.request.get("seed"))


def seed_facts(context: StepContext) -> dict[str, Any]:
    """What the environment will hold. Raises Refused (`data.no_seed`)."""
    release = context.release
    return {
        "label": "synthetic",
        "source": context.environment,
        "as_of": timestamp(context.world.clock.now()),
        "seed": release.version,
        "files": list(require_seed(release)),
    }


def require_seed(release: Release) -> tuple[str, ...]:
    """Its seed files. Raises Refused (`data.no_seed`)."""
    if not release.descriptor.seed:
        raise Refused(
            "data.no_seed",
            f"{release.version} has no seed",
            because="data/seed of the greenroom.yaml it was sealed with names no file",
            hint="name SQL or CSV files under data/seed in a commit, and promote its release",
        )
    return release.descriptor.seed


def begin_empty(context: StepContext) -> None:
    """An empty database. Made again when the step is: what an earlier attempt loaded would be there twice."""
    context.guard()
    services = context.release.descriptor.services
    context.world.candidates.begin(context.environment, context.work.id, services, say=context.say)
    context.crash("begun")


def load_seed(context: StepContext, database: Database) -> dict[str, Any]:
    """The release's files, as they were sealed, into its schema. Rows and statements, for the record."""
    world, release = context.world, context.release
    context.guard()
    unpacked = world.unpacked(release.digest)
    loaded = world.candidates.seed(
        database,
        unpacked.root,
        release.descriptor.seed,
        say=context.say,
        go_on=lambda: not context.cancelled(),
    )
    context.crash("seeded")
    rows = sum(loaded.rows.values())
    context.say(f"{rows} rows and {loaded.statements} statements from {len(release.descriptor.seed)} files")
    return {"rows": dict(loaded.rows), "statements": loaded.statements}
