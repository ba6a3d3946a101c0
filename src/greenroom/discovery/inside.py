"""Within a column: the elements of arrays, and the paths of JSON documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from greenroom.discovery._subject_words import PERSON
from greenroom.discovery._technical import COUNTERS, PROGRAM
from greenroom.discovery.fitting import Rules, fits, fitting
from greenroom.discovery.harmless import harmless
from greenroom.discovery.model import Choice, ColumnFacts, Finding, Sample
from greenroom.discovery.naming import singular, tokens
from greenroom.discovery.place import Place
from greenroom.discovery.subjects import About, Subject
from greenroom.domain.masking import Column
from greenroom.masking._paths import steps

SILENT = (PROGRAM - {"tags", "label", "category", "categoria", "kategorie", "categorie"}) | COUNTERS
"""Names of lists in a person's row that are a program's own."""

Judge = Callable[[Place], Finding | None]

PROPOSED = 0.5
"""The confidence from which on a finding is proposed."""

SEVERAL = 3
"""So many documents with something of a person are no chance."""

NAMED = 8
"""So many paths a reason names."""


@dataclass(frozen=True)
class Within:
    """What was found within a column: `choice` masks it, where something personal was found. `is_open`: some of it a
    person has to look at."""

    confidence: float
    reason: str
    choice: Choice | None = None
    is_open: bool = False


def in_array(place: Place, judge: Judge, rules: Rules) -> Within | None:
    """What the elements are; None where there were none to look at and their name says nothing."""
    column, sample = place.facts.column, place.sample.elements or Sample()
    base = re.sub(r"(\[\d*\])+$", "", column.base)
    element = replace(column, type=base, base=base, array=0, unique=False, nullable=True, labels=())
    inner = place.at(ColumnFacts(element, sample=sample), place.about, place.around)
    finding = judge(inner)
    if finding is None or finding.confidence < PROPOSED or not finding.is_personal:
        if finding is None and place.is_person and inner.is_text and not set(place.words) & SILENT:
            return Within(0.3, "what somebody's row is marked with", is_open=True)
        quiet = harmless(inner) or ((0.7, f"codes of type {base}") if column.labels else None)
        if quiet is not None and finding is None:
            return Within(quiet[0], f"its elements: {quiet[1]}")
        return Within(0.3, finding.reason, is_open=True) if finding else None
    chosen = fitting(finding.choices, [element], rules, inside=True)
    if chosen is None:
        return Within(finding.confidence, finding.reason, is_open=True)
    whole = Choice("array", {"element": {"rule": chosen.rule, **chosen.settings}})
    if not fits(whole, column, rules):
        return Within(finding.confidence, finding.reason, is_open=True)
    return Within(finding.confidence, f"its elements: {finding.reason}", whole)


def in_json(place: Place, judge: Judge, rules: Rules) -> Within | None:
    """What the documents hold, by path; None where there was none to look at.

    Paths of which nothing is known get no rule: the rule `json` removes what no path names.
    """
    sample = place.sample
    if not sample.paths:
        if told := _told_by_the_whole(place, rules):
            return told
        return Within(0.3, "documents whose keys are data themselves", is_open=True) if sample.odd_keys else None
    ruled: dict[str, dict[str, Any]] = {}
    personal: dict[str, Finding] = {}
    unknown: list[str] = []
    for path, inner in _places(place):
        finding = judge(inner)
        if finding is not None and finding.confidence >= PROPOSED and finding.is_personal:
            chosen = fitting(finding.choices, [inner.facts.column], rules, inside=True)
            if chosen is not None:
                ruled[path] = {"rule": chosen.rule, **chosen.settings}
            personal[path] = finding
        elif finding is None and harmless(inner) is not None:
            ruled[path] = {"rule": "harmless"}
        else:
            unknown.append(path)
    if personal:
        said = ", ".join(f"{path} ({finding.detector})" for path, finding in list(personal.items())[:NAMED])
        reason = f"{len(personal)} of {len(sample.paths)} paths in its documents are personal: {said}"
        confidence = max(f.confidence for f in personal.values())
        whole = Choice("json", {"paths": ruled}) if ruled else Choice("null")
        if fits(whole, place.facts.column, rules):
            return Within(confidence, reason, whole)
        return Within(confidence, reason, is_open=True)
    if told := _told_by_the_whole(place, rules):
        return told
    if unknown or sample.odd_keys:
        odd = f"; {sample.odd_keys} keys that may be data" if sample.odd_keys else ""
        return Within(0.3, f"paths that nothing is known of: {', '.join(unknown[:NAMED]) or 'none'}{odd}", is_open=True)
    return Within(0.75, f"{len(sample.paths)} paths in its documents, none of them personal")


def _told_by_the_whole(place: Place, rules: Rules) -> Within | None:
    """What documents hold that are too unlike each other to be looked at by path."""
    traits, values = place.sample.traits, place.sample.values
    has = max(traits.get("address_within", 0), traits.get("serialized", 0))
    if has < SEVERAL or has < values * 0.05:
        return None
    reason = f"{has} of {values} documents have an e-mail address or a person's fields somewhere"
    choice = fitting((Choice("null"), Choice("constant", {"value": "{}"})), [place.facts.column], rules)
    return Within(0.6, reason, choice, is_open=choice is None)


def _places(place: Place) -> list[tuple[str, Place]]:
    """Every path as a place of its own: its last key is its name, the keys above say whom it is about."""
    parsed = {path: [s for s in steps(path) if s is not None] for path in place.sample.paths}
    beside: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for keys in parsed.values():
        beside.setdefault(tuple(keys[:-1]), set()).add(tokens(keys[-1]) if keys else ())
    found = []
    for path, sample in place.sample.paths.items():
        keys = parsed[path]
        name = keys[-1] if keys else place.facts.column.name
        column = _column(place.facts.column, name, sample)
        above = [w for key in (place.facts.column.name, *keys[:-1]) for w in tokens(key)]
        about = _about(place.about, above)
        around = frozenset(beside[tuple(keys[:-1])])
        found.append((path, place.at(ColumnFacts(column, sample=sample), about, around)))
    return found


def _about(table: About, above: list[str]) -> About:
    if any(singular(word, PERSON | {"notfall", "emergency", "contact"}) for word in above):
        return replace(table, subject=Subject.PERSON, people=True)
    return table


def _column(outer: Column, name: str, sample: Sample) -> Column:
    """A value in a document as a column of the type that its values have."""
    numbers, truths = sample.share("number"), sample.share("truth")
    kind = "boolean" if truths == 1 else "numeric" if numbers == 1 and not sample.share("phone") else "text"
    return Column(outer.schema, outer.table, name, kind, kind)
