"""A rule inside a value: on each element of an array, at a path of a JSON document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from greenroom.domain.masking import Column, Rule, RuleConfig
from greenroom.masking._sql import ident

Settings = dict[str, Any]


def chosen_rule(settings: Mapping[str, Any]) -> tuple[Rule, RuleConfig]:
    """The rule that `settings["rule"]` names, with the other settings as its own. Raises ValueError, which says why."""
    from greenroom.registry import all_rules

    rest = dict(settings)
    name = rest.pop("rule", None)
    rule = all_rules().get(name) if isinstance(name, str) else None
    if rule is None:
        raise ValueError(f"`rule` should name a masking rule, and is {name!r}")
    try:
        return rule, rule.Config.model_validate(rest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{name}: {where}: {first['msg']}") from error


def inside(column: Column, type_name: str, base: str) -> Column:
    """A value within the column, under the column's own name."""
    found = re.fullmatch(r"character(?: varying)?\((\d+)\)", type_name)
    length = int(found[1]) if found else None
    return replace(column, type=type_name, base=base, length=length, unique=False, nullable=True, array=0)


def inner_problem(rule: Rule, config: RuleConfig, column: Column) -> str | None:
    """Why a rule cannot stand on this value within a column, or None."""
    if problem := rule.problem(config, column):
        return f"{rule.name}: {problem}"
    if rule.mask(config, column).whole_table:
        return f"{rule.name} looks at other rows, so it cannot stand inside of a value"
    return None


def applied(rule: Rule, config: RuleConfig, column: Column, value: str) -> str:
    """The mask of `value` (an expression over whatever is in scope, `t` and `k` among it), as one expression."""
    masked = rule.mask(config, column)
    by = getattr(config, "by", None)
    person = f", t.{ident(by)} AS {ident(by)}" if by and by != column.name else ""
    row = f"(SELECT {value} AS {ident(column.name)}{person})"
    digests = {d.name: d.sql for d in masked.digests}
    if digests:
        computed = ", ".join(f"{sql} AS {name}" for name, sql in digests.items())
        row = f"(SELECT t.*, {computed} FROM {row} t OFFSET 0)"
    return f"(SELECT {masked.sql} FROM {row} s)"
