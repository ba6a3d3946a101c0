"""Values inside JSON documents are masked by rules of their own, by path."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from greenroom.domain.masking import Column, Masked, Rule, RuleConfig
from greenroom.masking._inner import applied, chosen_rule, inner_problem, inside
from greenroom.masking._paths import ELEMENTS, Node, tree
from greenroom.masking._sql import digest, literal, source
from greenroom.masking._types import Kind, kind_of, type_problem, unique_problem

Leaf = tuple[Rule, RuleConfig]

_EMPTY = "WHEN 'string' THEN '\"\"'::jsonb WHEN 'number' THEN '0'::jsonb WHEN 'boolean' THEN 'false'::jsonb"
_EMPTY += " WHEN 'array' THEN '[]'::jsonb WHEN 'object' THEN '{}'::jsonb"


class Settings(RuleConfig):
    """Which rule at which path."""

    paths: dict[str, dict[str, Any]] = Field(
        min_length=1,
        description="A rule with its settings for each path: `contact.email: {rule: email}`, `devices[*].ip: {rule: "
        'ip_address}`. Keys with dots or brackets stand in quotes: `"a.b".c`.',
    )
    others: Literal["keep", "remove"] = Field(
        "remove",
        description="What happens to what no path names. `remove` is the safe answer to documents that grow new keys; "
        "a path with the rule `harmless` keeps what is below it.",
    )


class JsonRule:
    """Keys and elements at the paths are masked, missing ones stay missing. Texts stay texts, numbers numbers, and
    null stays null. What a rule does not take becomes empty of its type (`""`, `0`, `false`, `[]`, `{}`), and so
    does what stands where a path goes on. A `json` column is written as `jsonb` would be: the last of equal keys,
    in its order; escapes that no jsonb can hold are left out, and a document with a number beyond PostgreSQL's
    becomes null."""

    name = "json"
    title = "JSON, by path"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        if problem := type_problem(column, Kind.JSON, Kind.JSONB) or unique_problem(column, "shuffle"):
            return problem
        for path, settings in config.paths.items():
            try:
                rule, inner = chosen_rule(settings)
            except ValueError as error:
                return f"paths: {path}: {error}"
            if rule.name not in ("harmless", "null", "constant"):
                problems = [inner_problem(rule, inner, c) for c in (_text(column), _number(column))]
                if all(problems):
                    return f"paths: {path}: {problems[0]}"
        try:
            _tree(config)
        except ValueError as error:
            return f"paths: {error}"
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        v = source(column)
        document = _as_jsonb(v) if kind_of(column) is Kind.JSON else f"{v}::jsonb"
        made = digest(f"CASE WHEN {v} IS NOT NULL THEN {_node(_tree(config), document, column, config.others, 0)} END")
        return Masked(f"s.{made.name}::{column.type}", (made,))


def _tree(config: Settings) -> Node[Leaf]:
    return tree((path, chosen_rule(settings)) for path, settings in config.paths.items())


def _text(column: Column) -> Column:
    return inside(column, "text", "text")


def _number(column: Column) -> Column:
    return inside(column, "numeric", "numeric")


def _node(node: Node[Leaf], document: str, column: Column, others: str, depth: int) -> str:
    """What becomes of a document at a place of the tree."""
    name = f"n{depth}"
    j = f"{name}.j"
    if node.leaf is not None:
        made = _leaf(*node.leaf, j, column)
    else:
        cases = []
        keys = {step: child for step, child in node.children.items() if step is not ELEMENTS}
        if keys:
            kept = j if others == "keep" else "'{}'::jsonb"
            parts = (
                f"CASE WHEN {j} -> {literal(key)} IS NOT NULL THEN jsonb_build_object({literal(key)}, "
                f"{_node(child, f'{j} -> {literal(key)}', column, others, depth + 1)}) ELSE '{{}}'::jsonb END"
                for key, child in keys.items()
            )
            cases.append(f"WHEN 'object' THEN {' || '.join([kept, *parts])}")
        if ELEMENTS in node.children:
            each = _node(node.children[ELEMENTS], f"e{depth}.v", column, others, depth + 1)
            elements = f"jsonb_array_elements({j}) WITH ORDINALITY AS e{depth}(v, o)"
            agg = f"jsonb_agg({each} ORDER BY e{depth}.o)"
            cases.append(f"WHEN 'array' THEN (SELECT coalesce({agg}, '[]'::jsonb) FROM {elements})")
        made = f"CASE jsonb_typeof({j}) {' '.join(cases)} {_EMPTY} ELSE {j} END"
    return f"(SELECT {made} FROM (SELECT {document} AS j OFFSET 0) {name})"


def _leaf(rule: Rule, config: RuleConfig, j: str, column: Column) -> str:
    """The mask of one value, of its own type."""
    if rule.name == "harmless":
        return j
    if rule.name == "null":
        return "'null'::jsonb"
    if rule.name == "constant":
        constant = literal(json.dumps(config.model_dump()["value"], ensure_ascii=False))
        return f"CASE WHEN jsonb_typeof({j}) = 'null' THEN {j} ELSE {constant}::jsonb END"
    cases, plain = [], f"{j} #>> '{{}}'"
    on_text = inner_problem(rule, config, _text(column)) is None
    if on_text:
        cases.append(f"WHEN 'string' THEN to_jsonb({applied(rule, config, _text(column), plain)}::text)")
    if inner_problem(rule, config, _number(column)) is None:
        cases.append(f"WHEN 'number' THEN to_jsonb({applied(rule, config, _number(column), f'({plain})::numeric')})")
    elif on_text:
        # A number written as its rule writes texts, where that is a number again.
        number = f"(SELECT {applied(rule, config, _text(column), plain)} AS r OFFSET 0) q"
        is_number = "r ~ '^-?[0-9]+([.][0-9]+)?$'"
        cases.append(
            f"WHEN 'number' THEN (SELECT CASE WHEN {is_number} THEN to_jsonb(r::numeric) ELSE '0' END FROM {number})"
        )
    return f"CASE jsonb_typeof({j}) {' '.join(cases)} {_EMPTY} ELSE {j} END"


def _as_jsonb(v: str) -> str:
    """A json text as jsonb. The type json takes what jsonb does not: the escape of a zero byte, halves of a surrogate
    pair alone, numbers with exponents of any size."""
    # Escapes are taken two characters at a time, so that an escaped backslash before a `u` is not taken for one.
    high, low = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    kept, dropped = rf"(\\[^u]|{high}{low})", r"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
    cleaned = f"regexp_replace({v}::text, {literal(f'{kept}|{dropped}')}, {literal(chr(92) + '1')}, 'g')"
    odd = f"{v}::text ~ {literal(dropped)}"
    huge = f"{v}::text ~ '[0-9][eE][+]?[0-9]{{5,}}[[:space:]]*([],}}]|$)'"
    return f"CASE WHEN {huge} THEN 'null'::jsonb WHEN {odd} THEN ({cleaned})::jsonb ELSE {v}::jsonb END"


RULE = JsonRule()
