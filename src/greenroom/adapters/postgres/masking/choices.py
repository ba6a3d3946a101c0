"""Which rule stands on which column. Pure; every answer is given before anything moves, for all columns at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from greenroom.adapters.postgres.masking.model import Catalog, Reference, Table, TableColumn
from greenroom.domain.data import Link
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.masking import HARMLESS, Chosen, Masked, Rule

Rules = Mapping[str, Rule]
Place = tuple[int, str]
"""A column: its table's object identifier and its name."""


@dataclass(frozen=True)
class Mask:
    """A rule on a column. `settings` are those of the rule's own model."""

    rule: str
    settings: Any
    masked: Masked
    keeps_unique: bool


@dataclass(frozen=True)
class Choices:
    """Every moved column is in `masks` or harmless. `said` are the choices nobody wrote down, in words."""

    masks: Mapping[Place, Mask]
    references: tuple[Reference, ...]
    said: tuple[str, ...] = ()

    def mask(self, table: Table, column: str) -> Mask | None:
        return self.masks.get((table.oid, column))

    def masked(self, table: Table) -> frozenset[str]:
        return frozenset(name for oid, name in self.masks if oid == table.oid)


def choose_masks(catalog: Catalog, chosen: Iterable[Chosen], rules: Rules, links: Sequence[Link] = ()) -> Choices:
    """The mask of every column.

    A partition takes its table's rules; a column that refers to another, and an inherited one, takes the other's where
    nothing is said of it. Raises BadInput (what the configuration says cannot be) and Refused (`data.column_unruled`).
    """
    references = (*catalog.references, *(_linked(catalog, link) for link in links))
    picked = _picked(catalog, chosen, rules)
    said = _inherit(catalog, picked)
    said += _follow(catalog, references, picked)
    _inherit(catalog, picked)
    _refuse_unruled(catalog, picked)
    _refuse_different(catalog, references, picked)
    masks = {place: _mask(catalog, place, one, rules) for place, one in picked.items() if one.rule != HARMLESS}
    return Choices(masks, references, tuple(dict.fromkeys(said)))


def nothing_masked(catalog: Catalog) -> Choices:
    """For a copy that keeps the label of what it is made of."""
    return Choices({}, catalog.references)


def _linked(catalog: Catalog, link: Link) -> Reference:
    table, target = catalog.named(link.table), catalog.named(link.target)
    for path, found, columns in ((link.table, table, link.columns), (link.target, target, link.target_columns)):
        missing = [c for c in columns if found is None or found.column(c) is None]
        if found is None or missing or len(link.columns) != len(link.target_columns):
            raise BadInput(
                "data.reference_unknown",
                f"the reference from {link.table} to {link.target} leads nowhere",
                because=f"{path} has no column {', '.join(missing)}" if missing else f"there is no table {path}",
                hint="name schema, table and as many columns on either side as they are in the database",
            )
    oids = [found.oid for found in (table, target) if found is not None]
    return Reference(oids[0], link.columns, oids[1], link.target_columns, is_declared=False)


def _picked(catalog: Catalog, chosen: Iterable[Chosen], rules: Rules) -> dict[Place, Chosen]:
    """What the configuration says, by column. All its mistakes are named at once."""
    places: dict[str, list[Place]] = {}
    for table in catalog.tables.values():
        for column in table.columns:
            places.setdefault(column.column.path, []).append((table.oid, column.name))
    picked: dict[Place, Chosen] = {}
    missing, unknown, generated, several = [], [], [], []
    for one in chosen:
        found = places.get(one.column, [])
        if not found:
            missing.append(one.column)
        elif len(found) > 1 or found[0] in picked:
            several.append(one.column)
        elif _at(catalog, found[0]).generated and one.rule != HARMLESS:
            generated.append(one.column)
        elif one.rule != HARMLESS and one.rule not in rules:
            unknown.append(f"{one.column}: {one.rule}")
        else:
            picked[found[0]] = one
    if missing:
        raise BadInput(
            "data.column_missing",
            f"a rule stands on {len(missing)} columns that the database does not have: {', '.join(missing)}",
            hint="take the rule away, or write schema.table.column as it is in the database",
            facts={"columns": missing},
        )
    if several:
        raise BadInput(
            "data.column_twice",
            f"more than one rule or column is meant by {', '.join(several)}",
            hint="name each column once",
            facts={"columns": several},
        )
    if unknown:
        raise BadInput(
            "data.rule_unknown",
            f"there is no such masking rule: {', '.join(unknown)}",
            because=f"known: {', '.join(sorted(rules))}, {HARMLESS}",
            hint="choose one that is known",
        )
    if generated:
        raise BadInput(
            "data.column_generated",
            f"a rule stands on generated columns: {', '.join(generated)}",
            because="the database makes them anew from the masked row",
            hint="rule the columns that they are made from, and take this rule away",
            facts={"columns": generated},
        )
    return picked


def _at(catalog: Catalog, place: Place) -> TableColumn:
    return next(c for c in catalog.tables[place[0]].columns if c.name == place[1])


def _path(catalog: Catalog, place: Place) -> str:
    return _at(catalog, place).column.path


def _inherit(catalog: Catalog, picked: dict[Place, Chosen]) -> list[str]:
    """Give partitions and inheriting tables what their parents have. A partition cannot differ: BadInput."""
    said = []
    for table in sorted(catalog.tables.values(), key=lambda t: _depth(catalog, t)):
        for column in table.moved:
            place = (table.oid, column.name)
            above = [(p, column.name) for p in table.parents if (p, column.name) in picked]
            if not column.inherited or not above:
                continue
            if table.is_partition and place in picked and not _same(picked[place], picked[above[0]]):
                raise BadInput(
                    "data.partition_ruled",
                    f"{_path(catalog, place)} has another rule than the table it is a partition of",
                    hint=f"rule {_path(catalog, above[0])} only: its partitions follow",
                )
            if place not in picked:
                picked[place] = picked[above[0]]
                if not table.is_partition:
                    said.append(f"{_path(catalog, place)} is treated as {_path(catalog, above[0])}, which it inherits")
    return said


def _depth(catalog: Catalog, table: Table) -> int:
    return 1 + max((_depth(catalog, catalog.tables[p]) for p in table.parents if p in catalog.tables), default=0)


def _follow(catalog: Catalog, references: Sequence[Reference], picked: dict[Place, Chosen]) -> list[str]:
    """Give referring columns the rule of what they refer to, as often as that leads further."""
    said: list[str] = []
    has_changed = True
    while has_changed:
        has_changed = False
        for place, target in _pairs(references):
            if place not in picked and target in picked and not _at(catalog, place).generated:
                picked[place] = picked[target]
                said.append(f"{_path(catalog, place)} is treated as {_path(catalog, target)}, which it refers to")
                has_changed = True
    return said


def _pairs(references: Iterable[Reference]) -> Iterable[tuple[Place, Place]]:
    for r in references:
        for column, target in zip(r.columns, r.target_columns, strict=True):
            yield (r.table, column), (r.target, target)


def _same(a: Chosen, b: Chosen) -> bool:
    return a.rule == b.rule and dict(a.settings) == dict(b.settings)


def _refuse_unruled(catalog: Catalog, picked: Mapping[Place, Chosen]) -> None:
    unruled = sorted(
        c.column.path
        for t in catalog.tables.values()
        for c in t.moved
        if t.kind != "f" and not t.is_partition and (t.oid, c.name) not in picked
    )
    if unruled:
        raise Refused(
            "data.column_unruled",
            f"{len(unruled)} columns have neither a rule nor are declared harmless: {', '.join(unruled)}",
            because="what nobody has looked at might be about a person",
            hint=f"give each a masking rule, or declare it `{HARMLESS}`",
            facts={"columns": unruled},
        )


def _refuse_different(catalog: Catalog, references: Sequence[Reference], picked: Mapping[Place, Chosen]) -> None:
    for place, target in _pairs(references):
        if place in picked and target in picked and not _same(picked[place], picked[target]):
            raise BadInput(
                "data.reference_masked_differently",
                f"{_path(catalog, place)} is masked by {picked[place].rule}, what it refers to by "
                f"{picked[target].rule}: they would not meet any more",
                because=f"{_path(catalog, place)} refers to {_path(catalog, target)}",
                hint="give both the same rule with the same settings, or name only the one that is referred to",
                facts={"column": _path(catalog, place), "target": _path(catalog, target)},
            )


def _mask(catalog: Catalog, place: Place, one: Chosen, rules: Rules) -> Mask:
    rule, column = rules[one.rule], _at(catalog, place).column
    try:
        settings = rule.Config.model_validate(dict(one.settings))
    except ValidationError as error:
        raise BadInput(
            "data.rule_settings",
            f"{column.path}: the settings of the rule {one.rule} do not fit",
            because="; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)),
            hint="see the rule's page",
        ) from error
    problem = rule.problem(settings, column)
    if problem is None and column.unique and not rule.keeps_unique:
        problem = "different values could become equal, and the column is unique"
    if problem is not None:
        raise BadInput(
            "data.rule_unfit",
            f"the rule {one.rule} cannot stand on {column.path} ({column.type})",
            because=problem,
            hint="choose another rule for it",
            facts={"column": column.path, "rule": one.rule},
        )
    return Mask(one.rule, settings, rule.mask(settings, column), rule.keeps_unique)
