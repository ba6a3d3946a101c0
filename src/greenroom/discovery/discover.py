"""The whole of discovery: every column of every table gets a verdict.

A column is proposed for a rule, found harmless, or left to a person. Columns that refer to others follow them: a rule
must stand on both, or they would not meet any more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from greenroom.discovery.fitting import Rules, fits, fitting
from greenroom.discovery.harmless import harmless
from greenroom.discovery.inside import PROPOSED, Judge, Within, in_array, in_json
from greenroom.discovery.lists import tells_by_list
from greenroom.discovery.model import (
    Choice,
    ColumnFacts,
    Detector,
    Finding,
    Harmless,
    Proposal,
    TableFacts,
    Undecided,
    Verdict,
)
from greenroom.discovery.naming import is_of_something, tokens
from greenroom.discovery.place import Place
from greenroom.discovery.references import with_undeclared
from greenroom.discovery.shadows import shadows
from greenroom.discovery.subjects import About, Subject, about_all
from greenroom.domain.masking import Column
from greenroom.masking._types import DATES, Kind, kind_of

BOOKKEEPING_TABLES = 3
"""In so many tables a date of one name is bookkeeping, where one of them is not about people."""

BY_VALUES = frozenset({"free_text", "first_name", "last_name", "full_name"})
"""Detectors that take a name in a value for one of a person."""

SHOWN = 0.25
"""The confidence from which on a finding keeps a column from being harmless."""

COMMENT = 0.85
"""How much a comment counts against a name."""

COMMENT_WORDS = 5
"""A longer comment speaks of other things too."""


@dataclass(frozen=True)
class _Known:
    """A column's facts with what is around them."""

    facts: ColumnFacts
    place: Place


def discover(tables: Sequence[TableFacts], rules: Rules, detectors: Mapping[str, Detector]) -> tuple[Verdict, ...]:
    """A verdict for every column, in the order of tables and columns. Never raises, whatever the facts."""
    declared, tables = tables, with_undeclared(tables)
    abouts = about_all(tables)
    common = _bookkeeping(tables, abouts)
    known: dict[str, _Known] = {}
    for table in tables:
        for facts in table.columns:
            place = Place.of(
                facts, abouts[table.path], table.columns, is_bookkeeping=tokens(facts.column.name) in common
            )
            known.setdefault(facts.column.path, _Known(facts, place))
    roots = {path: _root(path, known) for path in known}
    followers: dict[str, list[ColumnFacts]] = defaultdict(list)
    for path, root in roots.items():
        if path != root and not known[path].facts.generated:
            followers[root].append(known[path].facts)
    judge = _judge_with(detectors)
    verdicts = {
        path: _verdict(known[path].place, followers[path], judge, rules) for path in known if roots[path] == path
    }
    all_of = {
        p: verdicts[p] if roots[p] == p else _follow(k.place, verdicts[roots[p]], known[roots[p]].facts.column.table)
        for p, k in known.items()
    }
    of_before = shadows(declared)
    return tuple(_as_before(v, all_of[of_before[p]]) if p in of_before else v for p, v in all_of.items())


def _as_before(verdict: Verdict, before: Verdict) -> Verdict:
    """A column of a table that keeps what another was is about people whenever the other's is."""
    strength = {Harmless: 0, Undecided: 1, Proposal: 2}
    if strength[type(before)] <= strength[type(verdict)]:
        return verdict
    return replace(before, column=verdict.column, reason=f"as {before.column}, which it keeps: {before.reason}")


def _judge_with(detectors: Mapping[str, Detector]) -> Judge:
    def judge(place: Place) -> Finding | None:
        best = _best(place, detectors)
        comment = tokens(place.facts.comment[:200])
        is_silent = best is None or best.confidence < PROPOSED
        if is_silent and 0 < len(comment) <= COMMENT_WORDS and not is_of_something(place.words):
            told = _best(place.reworded(place.facts.comment), detectors)
            if told is not None and told.confidence * COMMENT > (best.confidence if best else 0.0):
                confidence = round(told.confidence * COMMENT, 2)
                best = replace(told, confidence=confidence, reason=f"its comment; {told.reason}")
        return best

    return judge


def _best(place: Place, detectors: Mapping[str, Detector]) -> Finding | None:
    findings = [f for d in detectors.values() if (f := d.judge(place)) is not None and f.confidence >= SHOWN]
    if any(not f.is_personal and f.confidence >= PROPOSED for f in findings):
        # Values alone do not make an organisation's street a text about whom it is named after.
        findings = [f for f in findings if not f.is_personal or f.detector not in BY_VALUES or "name" in f.reason[:4]]
    return max(findings, key=lambda f: (f.is_personal and f.confidence >= PROPOSED, f.confidence), default=None)


def _bookkeeping(tables: Iterable[TableFacts], abouts: Mapping[str, About]) -> frozenset[tuple[str, ...]]:
    """Names of dates that stand in many tables, whatever these are about."""
    counts: Counter[tuple[str, ...]] = Counter()
    elsewhere: set[tuple[str, ...]] = set()
    for table in tables:
        for name in {tokens(c.column.name) for c in table.columns if kind_of(c.column) in DATES}:
            counts[name] += 1
            if abouts[table.path].subject is not Subject.PERSON:
                elsewhere.add(name)
    return frozenset(name for name in elsewhere if counts[name] >= BOOKKEEPING_TABLES)


def _root(path: str, known: Mapping[str, _Known]) -> str:
    """The column that this one refers to in the end; itself, where it refers to none that is known. In a circle the
    first by name is it."""
    seen = [path]
    while True:
        onward = next((t for t in known[seen[-1]].facts.refers_to if t in known and t != seen[-1]), None)
        if onward is None:
            return seen[-1]
        if onward in seen:
            return min(seen[seen.index(onward) :])
        seen.append(onward)


def _follow(place: Place, verdict: Verdict, table: str) -> Verdict:
    """The verdict of what a column refers to, for the column. A generated one is made anew from what it is made of."""
    path = place.facts.column.path
    if place.facts.generated:
        return Harmless(path, *(harmless(place) or (0.9, "generated")), verdict.column)
    reason = f"refers to {verdict.column}: {verdict.reason}"
    if isinstance(verdict, Harmless) and tells_by_list(place, table):
        return Undecided(path, f"an entry of a list that describes people; {reason}")
    return replace(verdict, column=path, reason=reason, follows=verdict.column)


def _verdict(place: Place, followers: Sequence[ColumnFacts], judge: Judge, rules: Rules) -> Verdict:
    column = place.facts.column
    if place.facts.generated:
        return Harmless(column.path, *(harmless(place) or (0.9, "generated")))
    finding = judge(place)
    if finding is None or finding.confidence < PROPOSED or not finding.is_personal:
        within = _within(place, judge, rules)
        if within is not None:
            return _of_within([column, *(f.column for f in followers)], within, rules)
    if finding is None:
        return _quiet(place, rules)
    columns = [column, *(f.column for f in followers)]
    choice = fitting(finding.choices, columns, rules)
    if not finding.is_personal or finding.confidence < PROPOSED:
        return Undecided(column.path, finding.reason, choice, finding.confidence)
    if choice is None:
        return Undecided(column.path, f"{finding.reason}; no rule fits it", None, finding.confidence)
    reason = finding.reason
    if choice.rule not in {c.rule for c in finding.choices}:
        reason += f"; {choice.rule} as {finding.choices[0].rule} does not fit"
    return Proposal(column.path, choice.rule, choice.settings, finding.confidence, reason, True, finding.detector)


def _within(place: Place, judge: Judge, rules: Rules) -> Within | None:
    if place.kind is Kind.ARRAY:
        return in_array(place, judge, rules)
    if place.kind in (Kind.JSON, Kind.JSONB):
        return in_json(place, judge, rules)
    return None


def _of_within(columns: Sequence[Column], within: Within, rules: Rules) -> Verdict:
    path, choice = columns[0].path, within.choice
    if within.is_open or (choice is not None and not all(fits(choice, column, rules) for column in columns)):
        return Undecided(path, within.reason, None, within.confidence)
    if choice is None:
        return Harmless(path, within.confidence, within.reason)
    return Proposal(path, choice.rule, choice.settings, within.confidence, within.reason, True, "inside")


def _quiet(place: Place, rules: Rules) -> Verdict:
    column, sample = place.facts.column, place.sample
    quiet = harmless(place)
    if quiet is not None:
        return Harmless(column.path, *quiet)
    suggested = fitting((Choice("free_text"), Choice("null")), [column], rules) if place.is_text else None
    if not sample.values:
        return Undecided(column.path, "it is empty, and its name says nothing", suggested)
    return Undecided(column.path, f"{sample.values} values of which nothing is known", suggested)
