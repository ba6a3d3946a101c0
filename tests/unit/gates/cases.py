"""Reads the gates' cases in `tests/cases/gates/GATE/*.toml`. A key that nothing reads is an error, not a comment.

A file has `[[case]]` tables, and may have `[common]` with keys that every case of the file starts from. In a case
`"this"` is the release in question and `"other"` another one; the path is all six kinds, each environment named like
its kind, unless `path` names some of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from greenroom.domain.evidence import Approval, Evidence, Freeze, Outcome, Override
from greenroom.domain.gate import Case, EnvironmentView, Gate, GateConfig, Request
from greenroom.domain.kinds import Kind
from greenroom.registry import all_gates

CASES = Path(__file__).parents[2] / "cases" / "gates"
THIS = "sha256:9c1f" + "0" * 60
OTHER = "sha256:77aa" + "0" * 60
RELEASES = {"this": THIS, "other": OTHER}
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday
REQUIRED = object()


class Table:
    """A table whose every key must be taken."""

    def __init__(self, where: str, values: dict[str, Any]) -> None:
        self.where = where
        self._left = dict(values)

    def take(self, key: str, default: Any = REQUIRED) -> Any:
        if key not in self._left and default is REQUIRED:
            raise KeyError(f"{self.where}: {key} is missing")
        return self._left.pop(key, default)

    def tables(self, key: str) -> list[Table]:
        return [Table(f"{self.where}.{key}[{n}]", v) for n, v in enumerate(self.take(key, []))]

    def done(self) -> None:
        if self._left:
            raise KeyError(f"{self.where}: nothing reads {', '.join(sorted(self._left))}")


@dataclass(frozen=True)
class Expected:
    verdict: str
    because: str
    next: str
    code: str | None
    until: datetime | None


@dataclass(frozen=True)
class Told:
    """One case as its file tells it."""

    id: str
    promise: str
    gate: Gate
    config: GateConfig
    case: Case
    expected: Expected


def told_cases(folder: Path = CASES) -> Iterator[Told]:
    """Every case of every file."""
    for path in sorted(folder.glob("*/*.toml")):
        yield from read(
            path.read_text(encoding="utf-8"), all_gates()[path.parent.name], f"{path.parent.name}/{path.stem}"
        )


def read(text: str, gate: Gate, where: str) -> list[Told]:
    """The cases in one file's text. Raises KeyError for a key that is missing or that nothing reads."""
    file = Table(where, tomllib.loads(text))
    common = file.take("common", {})
    tables = [Table(f"{where}[{n}]", common | values) for n, values in enumerate(file.take("case"))]
    file.done()
    return [_told(t, gate) for t in tables]


def _told(t: Table, gate: Gate) -> Told:
    case = _case(t)
    settings = t.take("settings", None)
    config = gate.default(case.target.kind) if settings is None else gate.Config.model_validate(settings)
    assert config is not None, f"{t.where}: {gate.name} has no default for {case.target.kind}, so give settings"
    expected = _expected(Table(f"{t.where}.expect", t.take("expect")))
    told = Told(t.where, t.take("promise"), gate, config, case, expected)
    t.done()
    return told


def _expected(t: Table) -> Expected:
    found = Expected(
        t.take("verdict"), t.take("because"), t.take("next", ""), t.take("code", None), t.take("until", None)
    )
    t.done()
    return found


def _case(t: Table) -> Case:
    target = t.take("target", "production")
    request = Request(
        action=t.take("action", "promotion"),
        release=THIS,
        environment=target,
        requested_by=t.take("requested_by", "rita"),
        made_by=t.take("made_by", "dan"),
        work=t.take("work", None),
        not_before=t.take("not_before", None),
    )
    views = dict(t.take("environments", {}))
    path = tuple(_view(Table(f"{t.where}.{name}", views.pop(name, {})), name) for name in t.take("path", list(Kind)))
    assert not views, f"{t.where}: {', '.join(views)} not on the path"
    now = t.take("now", NOW)
    approvals = _all(t, "approvals", lambda x, n: _approval(x, n, target))
    overrides = _all(t, "overrides", lambda x, n: _override(x, n, target))
    accounts = t.take("accounts", None)
    return Case(
        request,
        path,
        now,
        evidence=_all(t, "evidence", lambda x, n: _evidence(x, n)),
        approvals=approvals,
        freezes=_all(t, "freezes", lambda x, n: _freeze(x, n, target)),
        overrides=overrides,
        accounts=_still(approvals, overrides) if accounts is None else {n: frozenset(r) for n, r in accounts.items()},
        busy_with=t.take("busy_with", None),
        shown=t.take("shown", "shown-now"),
    )


def _still(approvals: tuple[Approval, ...], overrides: tuple[Override, ...]) -> dict[str, frozenset[str]]:
    """Everybody holds the roles in which they spoke, unless a case says otherwise."""
    held: dict[str, frozenset[str]] = {}
    for by, roles in [*((a.by, a.roles) for a in approvals), *((o.by, frozenset({o.role})) for o in overrides)]:
        held[by] = held.get(by, frozenset()) | roles
    return held


def _all(t: Table, key: str, build: Callable[[Table, int], Any]) -> tuple[Any, ...]:
    found = []
    for n, table in enumerate(t.tables(key)):
        found.append(build(table, n))
        table.done()
    return tuple(found)


def _view(t: Table, name: str) -> EnvironmentView:
    current = t.take("current", None)
    view = EnvironmentView(
        str(name),
        Kind(t.take("kind", name)),
        current=RELEASES.get(current, current),
        since=t.take("since", None),
        check_names=tuple(t.take("checks", ())),
    )
    t.done()
    return view


def _evidence(t: Table, n: int) -> Evidence:
    release = t.take("release", "this")
    return Evidence(
        t.take("id", f"ev-{n}"),
        t.take("kind"),
        t.take("name", "seal"),
        RELEASES[release],
        t.take("environment", None),
        Outcome(t.take("outcome", "passed")),
        t.take("at"),
        t.take("by", "greenroom"),
        revoked_at=t.take("revoked_at", None),
        revoked_why=t.take("revoked_why", ""),
    )


def _approval(t: Table, n: int, target: str) -> Approval:
    return Approval(
        f"ap-{n}",
        RELEASES[t.take("release", "this")],
        t.take("environment", target),
        t.take("by"),
        frozenset(t.take("roles")),
        t.take("shown", "shown-now"),
        t.take("at"),
        revoked_at=t.take("revoked_at", None),
    )


def _freeze(t: Table, n: int, target: str) -> Freeze:
    return Freeze(
        f"fr-{n}",
        t.take("environment", target),
        t.take("by"),
        t.take("reason"),
        t.take("at"),
        until=t.take("until", None),
        lifted_at=t.take("lifted_at", None),
    )


def _override(t: Table, n: int, target: str) -> Override:
    return Override(
        f"ov-{n}",
        t.take("gate"),
        RELEASES[t.take("release", "this")],
        t.take("environment", target),
        t.take("by"),
        t.take("role"),
        t.take("reason"),
        t.take("at"),
        t.take("expires_at"),
    )
