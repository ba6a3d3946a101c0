"""What must hold of the section `data`: rules that exist and take their settings, columns named once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from greenroom.config.draft import Draft
from greenroom.config.problems import NOT_SHOWN, Finding, nearest, unknown_key
from greenroom.config.yaml_text import Path
from greenroom.domain.dotted import dotted, table_of
from greenroom.domain.egress import destination, leads_to
from greenroom.domain.kinds import DEFAULTS, Kind
from greenroom.domain.seed import seed_file
from greenroom.domain.source import SourceServer, problem_of
from greenroom.registry import all_rules


def rules_are_known(draft: Draft) -> Iterator[Finding]:
    """Each column has a rule that exists, with settings that it takes."""
    for column, value in (draft.file.data.rules if draft.file.data else {}).items():
        yield from _rule(("data", "rules", column), value)


def _rule(at: Path, value: Any) -> Iterator[Finding]:
    known = all_rules()
    name, settings = value, {}
    if isinstance(value, Mapping):
        name, settings = value.get("rule"), {k: v for k, v in value.items() if k != "rule"}
        if name is None:
            yield Finding((*at, "rule"), "is required: the name of a masking rule")
            return
    if not isinstance(name, str):
        yield Finding(at, "the name of a masking rule, or a mapping with `rule` and its settings", value)
        return
    if name not in known:
        place = (*at, "rule") if isinstance(value, Mapping) else at
        more = nearest(name, known) or f"known: {', '.join(known)}"
        yield Finding(place, "a masking rule", name, more=more)
        return
    try:
        known[name].Config.model_validate(settings)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            place = (*at, *one["loc"])
            if one["type"] == "extra_forbidden":
                yield unknown_key(place, list(known[name].Config.model_fields))
            elif one["type"] == "missing":
                yield Finding(place, f"is required by the rule {name}")
            else:
                yield Finding(place, f"what the rule {name} takes: {one['msg']}", one["input"])


def columns_are_named_once(draft: Draft) -> Iterator[Finding]:
    """A column is either ruled or declared harmless."""
    data = draft.file.data
    for table, columns in (data.harmless if data else {}).items():
        for n, column in enumerate(columns):
            if data and (f"{table}.{dotted(column)}" in data.rules or column in columns[:n]):
                yield Finding(("data", "harmless", table, n), "a column that has no rule", column)


def references_fit(draft: Draft) -> Iterator[Finding]:
    """Both sides of a reference name as many columns, each side those of one table."""
    for n, one in enumerate(draft.file.data.references if draft.file.data else []):
        at: Path = ("data", "references", n)
        if len(one.from_) != len(one.to):
            yield Finding((*at, "to"), f"{len(one.from_)} columns, as many as refer", len(one.to))
        for key, side in (("from", one.from_), ("to", one.to)):
            if len({table_of(c) for c in side}) > 1:
                yield Finding((*at, key), "columns of one table", ", ".join(side))


def source_is_there(draft: Draft) -> Iterator[Finding]:
    """The data comes from an environment of the path that is backed up."""
    data = draft.file.data
    if data is None or data.source is None or not draft.whole("environments"):
        return
    kinds = draft.kinds()
    if data.source not in kinds:
        yield Finding(("data", "source"), f"an environment of the path ({', '.join(kinds)})", data.source)


def refreshed_from_elsewhere(draft: Draft) -> Iterator[Finding]:
    """Production is never filled from anywhere, and where nothing runs there is nothing to fill."""
    for name, kind in draft.kinds().items():
        one = dict(draft.path())[name]
        if kind is not Kind.PRODUCTION and DEFAULTS[kind].runs:
            continue
        for key, is_set in (("refresh", one.data.refresh is not None), ("edits", bool(one.data.edits))):
            if is_set:
                yield Finding(("environments", name, "data", key), f"absent in {kind.value}", at_key=True)


def seed_files_are_known(draft: Draft) -> Iterator[Finding]:
    """Each is SQL, or CSV that is named after its table; none is loaded twice."""
    files = draft.file.data.seed if draft.file.data else []
    for n, path in enumerate(files):
        try:
            seed_file(path)
        except ValueError as error:
            yield Finding(("data", "seed", n), str(error), path)
        if path in files[:n]:
            yield Finding(("data", "seed", n), "a file that is not in the list yet", path)
    services = draft.file.services
    if files and services is not None and services.postgres == "none":
        yield Finding(("data", "seed"), "absent where services/postgres is none", at_key=True)


def source_server_is_well(draft: Draft) -> Iterator[Finding]:
    """The URL has the form it should, and no password, of which no word is repeated; it belongs to a source."""
    data = draft.file.data
    if data is None:
        return
    at: Path = ("data", "source_url")
    if data.source_url is None:
        if data.source_password is not None:
            yield Finding(("data", "source_password"), "absent without source_url", at_key=True)
        return
    problem = problem_of(data.source_url)
    if problem is not None:
        yield Finding(at, problem, data.source_url.rpartition("@")[2] if _is_plain(data.source_url) else NOT_SHOWN)
    if data.source is None and draft.whole("environments") and Kind.PRODUCTION not in draft.kinds().values():
        yield Finding(at, "absent where the path has no production and data/source names no environment", at_key=True)


def _is_plain(url: str) -> bool:
    """No word of it can be a password."""
    return ":" not in url.rpartition("@")[0].removeprefix("postgresql://").removeprefix("postgres://") and (
        "pass" not in url.casefold()
    )


def source_server_is_out_of_reach(draft: Draft) -> Iterator[Finding]:
    """No environment before production may go to the server that production's data is read from."""
    data = draft.file.data
    if data is None or data.source_url is None or problem_of(data.source_url) is not None:
        return
    server = SourceServer(data.source_url)
    for name, kind in draft.kinds().items():
        said = dict(draft.path())[name].egress
        if kind is Kind.PRODUCTION or said is None or said.allow == ["any"]:
            continue
        for n, one in enumerate(said.allow):
            if any(leads_to(destination(one), host) for host in server.hosts):
                yield Finding(("environments", name, "egress", "allow", n), "no way to production's data", one)


RULES = (
    rules_are_known,
    columns_are_named_once,
    references_fit,
    source_is_there,
    refreshed_from_elsewhere,
    seed_files_are_known,
    source_server_is_well,
    source_server_is_out_of_reach,
)
