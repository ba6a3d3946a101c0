"""Each element of an array is masked by another rule."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._inner import applied, chosen_rule, inner_problem, inside
from greenroom.masking._sql import digest, given, literal, source
from greenroom.masking._types import Kind, type_problem, unique_problem


class Settings(RuleConfig):
    """The rule of the elements."""

    element: dict[str, Any] = Field(
        description="The rule of each element with its settings, such as `{rule: phone}`.",
    )


class ArrayRule:
    """Dimensions, lower bounds, NULLs and empty arrays stay; elements are masked as columns of their type would be."""

    name = "array"
    title = "Array, element by element"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        if problem := type_problem(column, Kind.ARRAY) or unique_problem(column, "shuffle"):
            return problem
        try:
            rule, settings = chosen_rule(config.element)
        except ValueError as error:
            return f"element: {error}"
        problem = inner_problem(rule, settings, _element(column))
        return f"element: {problem}" if problem else None

    def mask(self, config: Settings, column: Column) -> Masked:
        rule, settings = chosen_rule(config.element)
        v, element = source(column), _element(column)
        each = applied(rule, settings, element, "u.e")
        elements = f"unnest({v}) WITH ORDINALITY AS u(e, o)"
        flat = f"ARRAY(SELECT {each}::{element.type} FROM {elements} ORDER BY o)"
        ordinary = f"array_ndims({v}) = 1 AND array_lower({v}, 1) = 1"
        masks = f"(SELECT o, {each}::text AS m FROM {elements} OFFSET 0) q"
        made = digest(
            f"CASE WHEN cardinality({v}) = 0 OR {v} IS NULL THEN {v} WHEN {ordinary} THEN {flat}::{column.type}"
            f" ELSE {_of_any_shape(v, masks)}::{column.type} END"
        )
        return Masked(f"s.{made.name}", (made,))


def _element(column: Column) -> Column:
    """An element: its type is the column's without brackets, or that of the domain below."""
    base = re.sub(r"(\[\d*\])+$", "", column.base)
    type_name = re.sub(r"(\[\d*\])+$", "", column.type) if column.type.endswith("]") else base
    return inside(column, type_name, base)


def _of_any_shape(v: str, masks: str) -> str:
    """The text form of an array, which takes any dimensions and bounds: braces open and close where a row of the
    innermost dimension begins and ends, those of the next, and so on."""
    escaped = f"replace(replace(m, {literal(chr(92))}, {literal(chr(92) * 2)}), '\"', {literal(chr(92) + chr(34))})"
    element = f"coalesce('\"' || {escaped} || '\"', 'NULL')"
    braced = f"repeat('{{', {_edges('0')}) || {element} || repeat('}}', {_edges('size - 1')})"
    inner = f"(SELECT string_agg({braced}, ',' ORDER BY o) FROM {masks})"
    return given({"bounds": f"array_dims({v})", "sizes": _sizes(v)}, [], f"g.bounds || '={{' || {inner} || '}}'")


def _sizes(v: str) -> str:
    """For each dimension from the second on: how many elements lie within one of its rows."""
    size = f"(SELECT round(exp(sum(ln(array_length({v}, n))))) FROM generate_series(d, array_ndims({v})) n)::bigint"
    return f"ARRAY(SELECT {size} FROM generate_series(2, array_ndims({v})) d)"


def _edges(at: str) -> str:
    """How many dimensions have an edge at element o (counted from 1)."""
    return f"(SELECT count(*) FROM unnest(g.sizes) AS size WHERE mod(o - 1, size) = {at})::int"


RULE = ArrayRule()
