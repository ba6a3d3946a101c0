"""Data: making masked datasets, filling environments, and what holds what.

Where data may go is decided by `domain.data.require_clearance`, asked here and again by the work itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from greenroom.domain.data import Dataset, Holding, newest, own_holding, require_clearance
from greenroom.domain.discretion import is_own
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.kinds import DataLabel
from greenroom.domain.plan import WorkKind
from greenroom.domain.release import Release
from greenroom.domain.roles import Action, Actor
from greenroom.domain.work import Work
from greenroom.services.app import App
from greenroom.services.backups import under_way
from greenroom.services.clones import view
from greenroom.services.origins import place_of_source, require_data, size_of_source
from greenroom.store import records
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.steps.refresh import HOLDING
from greenroom.workflows.steps.seed import require_seed
from greenroom.workflows.steps.vault import DATASET


def make(app: App, actor: Actor, *, to: str | None = None) -> Work:
    """Make a masked dataset of production's newest backup (or of the state `to`), or of the server that is its source;
    or give back the one being made.

    Raises Refused (`data.no_source`, `data.no_past`, `data.source_password`, `backup.none`).
    """
    source = source_of(app)
    app.allow(actor, Action.MASK, source)
    require_data(app, source, to)
    with app.world.store.database.transaction() as tx:
        same = under_way(app, tx, WorkKind.DATASET, source)
        if same is not None and same.request.get("to") != to:
            raise Refused(
                "data.being_made",
                f"{same.id} makes a dataset of another state",
                hint=f"wait for it, or greenroom cancel {same.id}",
            )
        work = same or app.new_work(WorkKind.DATASET, actor, beside=source, to=to)
        if same is None:
            app.add_work(tx, work)
    app.poke()
    return work


def discover(app: App, actor: Actor) -> Work:
    """Look for columns about people in production's newest backup, or in a copy of its server, inside the vault; or
    give back the search that is under way. The verdicts, without a value, are in the work's facts."""
    source = source_of(app)
    app.allow(actor, Action.MASK, source)
    require_data(app, source, None)
    with app.world.store.database.transaction() as tx:
        same = under_way(app, tx, WorkKind.DISCOVERY, source)
        work = same or app.new_work(WorkKind.DISCOVERY, actor, beside=source)
        if same is None:
            app.add_work(tx, work)
    app.poke()
    return work


def refresh(
    app: App,
    actor: Actor,
    environment: str,
    *,
    dataset: str | None = None,
    to: str | None = None,
    seed: bool = False,
    dry_run: bool = False,
) -> tuple[Work | None, dict[str, Any]]:
    """Fill an environment's database anew: from production's backup where a copy of it may be, from the newest masked
    dataset (or the one named) elsewhere; with `seed`, with what the release that runs there brings along. What it would
    do comes with it.

    Raises Refused (`data.clearance`, `data.no_dataset`, `data.no_seed`, `data.nothing_there`, `data.backed_up`,
    `environment.busy`) and BadInput (`data.state_unused`: a dataset or a seed was asked for as of some state).
    """
    row = app.allow(actor, Action.REFRESH, environment)
    if row is None:
        raise LookupError("an environment was given")
    preview = _preview_seed(app, row) if seed else _preview(app, row, dataset, to)
    if to is not None and (seed or preview["dataset"] is not None):
        raise BadInput(
            "data.state_unused",
            f"{environment} cannot be filled with the state {to[:80]!r}",
            because=f"it would be filled with the dataset {preview['dataset']}, which is of one state"
            if preview["dataset"]
            else "a seed is of no state of production",
            hint="greenroom data make --to STATE makes a dataset of that state; then refresh without --to",
        )
    if dry_run:
        return None, preview
    with app.world.store.database.transaction() as tx:
        holder = app.world.store.works.holder(tx, environment)
        if (
            holder is not None
            and holder.kind is WorkKind.REFRESH
            and holder.request.get("dataset") == preview["dataset"]
            and bool(holder.request.get("seed")) == seed
            and holder.request.get("to") == to
        ):
            return holder, preview
        if holder is not None and holder.kind is not WorkKind.CHECK:
            raise Refused(
                "environment.busy",
                f"{environment} is held by {holder.id}, which is {holder.state.value}",
                because="two pieces of work must not change its data at once",
                hint=f"wait, or greenroom cancel {holder.id}; in attention: greenroom resume {holder.id}",
            )
        work = app.new_work(
            WorkKind.REFRESH,
            actor,
            environment=environment,
            release=row.current,
            source=preview["source"],
            dataset=preview["dataset"],
            to=to,
            seed=seed,
        )
        app.add_work(tx, work)
    app.poke()
    return work, preview


def due(app: App, environment: str, seconds: float, now: datetime) -> WorkKind | None:
    """What would make the environment's data no older than `seconds`: a dataset first, or a refresh; None: nothing."""
    limit = now - timedelta(seconds=seconds)
    with app.world.store.database.reading() as tx:
        row = records.environment(tx, environment)
        held = holding_of(app, tx, row)
    if row.current is None or held is None or (held.as_of is not None and held.as_of >= limit):
        return None
    if held.as_of is not None and held.at >= limit:  # nothing newer was written in production since
        return None
    if app.world.project().environment(environment).clearance >= DataLabel.COPY:
        return WorkKind.REFRESH
    known = newest(app.world.vault.datasets())
    return WorkKind.REFRESH if known is not None and known.made_at >= limit else WorkKind.DATASET


def datasets(app: App, actor: Actor) -> dict[str, Any]:
    """The published datasets, newest first, and how the last attempt to make one ended."""
    app.allow(actor, Action.VIEW)
    source = app.world.project().data.source
    found = list(reversed(app.world.vault.datasets()))
    with app.world.store.database.reading() as tx:
        problem = problem_of(tx, source) if source else None
    return {"source": source, "datasets": [_dataset(app, d) for d in found], "problem": problem}


def lineage(app: App, actor: Actor) -> dict[str, Any]:
    """Which environment holds what: from where, as of when, under which rules."""
    app.allow(actor, Action.VIEW)
    with app.world.store.database.reading() as tx:
        rows = records.environments(tx)
        shown = [holding_view(app, tx, row) for row in rows if app.world.project().environment(row.name).runs]
        source = app.world.project().data.source
        problem = problem_of(tx, source) if source else None
    return {
        "source": source,
        "server": place_of_source(app),
        "rules": app.world.project().data.plan.digest,
        "environments": shown,
        "datasets": [_dataset(app, d) for d in reversed(app.world.vault.datasets())],
        "clones": [view(app, c) for c in app.world.clones.all()],
        "problem": problem,
    }


def holding_of(app: App, tx: Connection, row: EnvironmentRow) -> Holding | None:
    """What its database holds; None where nothing was ever put."""
    found = records.newest_evidence(tx, HOLDING, row.name)
    if found is not None and found.outcome is Outcome.PASSED:
        return Holding.from_dict(found.facts)
    return own_holding(row.kind, row.name, row.since) if row.current and row.since else None


def holding_view(app: App, tx: Connection, row: EnvironmentRow) -> dict[str, Any]:
    """The holding for people and machines, with its age: how old the newest change in it is."""
    held, now = holding_of(app, tx, row), app.world.clock.now()
    config = app.world.project().environment(row.name)
    told: dict[str, Any] = {"environment": row.name, "clearance": config.clearance.name.lower(), "holds": None}
    if held is not None:
        told["holds"] = {
            "label": held.label.name.lower(),
            "source": held.source,
            "at": held.at,
            "as_of": held.as_of,
            "age_seconds": (now - held.as_of).total_seconds() if held.as_of else None,
            "backup": held.backup,
            "dataset": held.dataset,
            "rules": held.rules,
            "seed": held.seed,
            "server": held.server,
            "rules_current": held.rules is None or held.rules == app.world.project().data.plan.digest,
        }
    return told


def remark(app: App, environment: str) -> dict[str, Any]:
    """What stands beside an arrow: what the environment it leads into holds, and, where masked data is wanted there,
    why none can be made."""
    with app.world.store.database.reading() as tx:
        row = records.environment(tx, environment)
        told = holding_view(app, tx, row)
        source = app.world.project().data.source
        wants_masked = app.world.project().environment(environment).clearance == DataLabel.MASKED
        problem = problem_of(tx, source) if source and wants_masked else None
    return {**told, "problem": problem}


def problem_of(tx: Connection, source: str) -> dict[str, Any] | None:
    """Why no dataset can be made of the source's data, as the newest attempt found; None when it could."""
    refused = records.newest_evidence(tx, DATASET, source)
    if refused is None or refused.outcome is Outcome.PASSED:
        return None
    facts = refused.facts
    return {
        "code": facts.get("code"),
        "error": facts.get("error"),
        "because": facts.get("because") if is_own(facts) else None,
        "columns": list(facts.get("columns") or ())[:100],
        "at": refused.at,
    }


def source_of(app: App) -> str:
    """The environment whose backups feed all others. Raises Refused (`data.no_source`)."""
    found = app.world.project().data.source
    if found is None:
        raise Refused(
            "data.no_source",
            "there is no production to take data from",
            because="no environment of the path is of kind production, and data/source names none",
            hint="name one under data in greenroom.yaml, and apply it",
        )
    return found


def _preview(app: App, row: EnvironmentRow, dataset: str | None, to: str | None) -> dict[str, Any]:
    """What a refresh would bring, and from where."""
    config, source = app.world.project().environment(row.name), source_of(app)
    _require_fillable(app, row)
    wants_copy = dataset is None and config.clearance >= DataLabel.COPY
    found = None if wants_copy else _dataset_for(app, dataset, row.name, config.clearance)
    if wants_copy:
        require_data(app, source, to)
    label = found.label if found else DataLabel.COPY
    require_clearance(label, config.clearance, row.kind, row.name, source)
    return {
        "environment": row.name,
        "label": label.name.lower(),
        "source": source,
        "dataset": found.name if found else None,
        "as_of": found.as_of if found else None,
        "to": to,
        "server": place_of_source(app) if wants_copy else (found.server or None if found else None),
        "seed": [],
        "replaces": _present(app, row),
        "edits": len(config.edits),
        "bytes": found.bytes if found else size_of_source(app, source),
    }


def _preview_seed(app: App, row: EnvironmentRow) -> dict[str, Any]:
    """What the seed of the release that runs there would bring. Raises Refused (`data.no_seed`)."""
    config = app.world.project().environment(row.name)
    release = _require_fillable(app, row)
    files = require_seed(release)
    require_clearance(DataLabel.SYNTHETIC, config.clearance, row.kind, row.name, f"the seed of {release.version}")
    return {
        "environment": row.name,
        "label": DataLabel.SYNTHETIC.name.lower(),
        "source": row.name,
        "dataset": None,
        "as_of": None,
        "to": None,
        "server": None,
        "seed": list(files),
        "replaces": _present(app, row),
        "edits": len(config.edits),
        "bytes": 0,
    }


def _present(app: App, row: EnvironmentRow) -> Any:
    """What a refresh would replace."""
    with app.world.store.database.reading() as tx:
        return holding_view(app, tx, row)["holds"]


def _require_fillable(app: App, row: EnvironmentRow) -> Release:
    """The release whose database is to be filled anew. Raises Refused (`data.own_source`,
    `data.nothing_there`, `data.backed_up`)."""
    config = app.world.project().environment(row.name)
    if row.name == app.world.project().data.source:
        raise Refused(
            "data.own_source",
            f"{row.name} is what all others are filled from",
            hint="greenroom backup restore brings a state of its own back",
        )
    if not config.runs or row.current is None:
        raise Refused(
            "data.nothing_there",
            f"{row.name} has no database to fill",
            because="nothing runs there" if config.runs else f"nothing ever runs in {row.kind.value}",
            hint=f"promote a release into {row.name} first",
        )
    release = app.world.release(row.current)
    if release.descriptor.services.postgres is None:
        raise Refused(
            "data.nothing_there",
            f"{row.name} has no database to fill",
            because="the release that runs there declares none",
            hint="services/postgres in greenroom.yaml declares one",
        )
    if config.backups.is_on:
        raise Refused(
            "data.backed_up",
            f"{row.name} is backed up, so what it holds is its own",
            because="its backups would lead from one cluster to another",
            hint=f"switch off backups of {row.name} in greenroom.yaml",
        )
    return release


def _dataset_for(app: App, name: str | None, environment: str, clearance: DataLabel) -> Dataset:
    """The named or newest dataset. Raises Refused (`data.no_dataset`), BadInput (`data.dataset_unknown`)."""
    known = app.world.vault.datasets()
    if name is not None:
        found = next((d for d in known if d.name == name), None)
        if found is None:
            raise BadInput(
                "data.dataset_unknown",
                f"there is no dataset {name[:80]!r}",
                hint="greenroom data list shows those there are",
            )
        return found
    newest_one = newest(known)
    if newest_one is None:
        raise Refused(
            "data.no_dataset",
            f"there is no masked dataset to fill {environment} with",
            because=f"{environment} is cleared for {clearance.name.lower()} data at most",
            hint="greenroom data make makes one of production's newest backup",
        )
    return newest_one


def _dataset(app: App, d: Dataset) -> dict[str, Any]:
    now = app.world.clock.now()
    return {
        "name": d.name,
        "source": d.source,
        "label": d.label.name.lower(),
        "made_at": d.made_at,
        "as_of": d.as_of,
        "age_seconds": (now - d.as_of).total_seconds() if d.as_of else None,
        "backup": d.backup,
        "server": d.server or None,
        "rules": d.rules,
        "rules_current": d.rules == app.world.project().data.plan.digest,
        "version": d.version,
        "bytes": d.bytes,
        "rows": d.rows,
        "masked_columns": d.masked_columns,
        "report": dict(d.report),
    }
