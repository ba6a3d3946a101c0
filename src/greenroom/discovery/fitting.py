"""The first rule that can stand on a column, and on every column that has to agree with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from greenroom.discovery.model import Choice
from greenroom.domain.masking import Column, Rule
from greenroom.masking._inner import inner_problem
from greenroom.masking._types import TEXTS, Kind, kind_of, whole_digits

Rules = Mapping[str, Rule]


def fitting(
    choices: Iterable[Choice], columns: Sequence[Column], rules: Rules, *, inside: bool = False
) -> Choice | None:
    """The first choice, or one that does for any data of the type, that stands on all of `columns`.

    A rule with the setting `unique` is tried with it too. `inside`: it stands within an array or a document, where
    none may look at other rows. None when nothing fits.
    """
    for choice in (*choices, *_last_resorts(columns[0], inside=inside)):
        if choice.rule == "shuffle" and len(columns) > 1:
            continue  # each column in another order: rows would lead to other rows than before
        if choice.rule == "national_id" and _are_mixed(columns):
            continue  # a number of nine digits becomes another one in each of these types
        for tried in _variants(choice, rules):
            if all(fits(tried, column, rules, inside=inside) for column in columns):
                return tried
    return None


def _are_mixed(columns: Sequence[Column]) -> bool:
    """Whole numbers of a `numeric` refer to another type, or to another number of digits."""
    return any(whole_digits(c) for c in columns) and len({(kind_of(c), whole_digits(c)) for c in columns}) > 1


def fits(choice: Choice, column: Column, rules: Rules, *, inside: bool = False) -> bool:
    """Whether the rule stands on this column as the masked copy would ask it to."""
    rule = rules.get(choice.rule)
    if rule is None:
        return False
    try:
        config = rule.Config.model_validate(dict(choice.settings))
    except ValidationError:
        return False
    problem = inner_problem(rule, config, column) if inside else rule.problem(config, column)
    return problem is None and (rule.keeps_unique or not column.unique)


def _variants(choice: Choice, rules: Rules) -> Iterator[Choice]:
    yield choice
    rule = rules.get(choice.rule)
    if rule is not None and "unique" in rule.Config.model_fields and "unique" not in choice.settings:
        yield Choice(choice.rule, {**choice.settings, "unique": True})


def _last_resorts(column: Column, *, inside: bool) -> Iterator[Choice]:
    kind = kind_of(column)
    if kind in TEXTS:
        yield Choice("keyed_hash")
        yield Choice("national_id", {"unique": True})
        if not column.unique:
            yield Choice("free_text")
    if kind is Kind.UUID:
        yield Choice("uuid")
    if column.nullable and not column.unique:
        yield Choice("null")
    if not inside:
        yield Choice("shuffle")
