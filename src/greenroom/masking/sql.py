"""The mask is an SQL expression of your own."""

from __future__ import annotations

import re

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig

_REACHING = re.compile(
    r"""\b(?:current_setting|set_config|pg_settings|pg_authid|pg_shadow|pg_user_mappings?|pg_read_\w+|pg_ls_\w+
    |pg_stat_file|pg_file_\w+|lo_import|lo_export|lo_get|dblink\w*|\w+_to_xml\w*|greenroom\.\w+)\b|\bu&"|\$k\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""What a superuser's session could read beyond the row: the masking key, passwords, files, other servers."""

_TOKEN = re.compile(
    r"""(?P<text>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*")|(?P<dollar>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<comment>--|/\*)|(?P<bracket>[()\[\]])|(?P<end>[;,])|(?P<broken>['"])|(?P<other>.)""",
    re.DOTALL,
)
_PAIRS = {")": "(", "]": "["}


class Settings(RuleConfig):
    """The expression."""

    expression: str = Field(
        min_length=1,
        max_length=10_000,
        description="One SQL expression over the columns of the row, such as `left(name, 1) || '.'`. Its value is cast "
        "to the column's type. Inside of JSON and arrays it sees the value alone, under the column's name.",
    )


class SqlRule:
    """What the expression gives. Whether names exist and the cast works, PostgreSQL says before any data moves. The
    rule does not know what the expression keeps: NULL, uniqueness and secrecy are its author's to see to."""

    name = "sql"
    title = "SQL expression"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        return expression_problem(config.expression)

    def mask(self, config: Settings, column: Column) -> Masked:
        return Masked(f"({config.expression})::{column.type}")


def expression_problem(text: str) -> str | None:
    """Why a text is not one expression, or None. In parentheses, as the rule puts it, a text that passes can be nothing
    else: it neither leaves them, nor begins another statement or column, nor hides what follows in a comment."""
    if "\0" in text:
        return "the expression has a zero byte"
    if found := _REACHING.search(text):
        return f"the expression reaches beyond the row: {found[0]}"
    open_ones: list[str] = []
    for found in _TOKEN.finditer(text):
        part = found[0]
        match found.lastgroup:
            case "comment":
                return "the expression has a comment"
            case "broken":
                return f"a quotation mark at character {found.start() + 1} is not closed"
            case "end" if part == ";" or not open_ones:
                return f"it is more than one expression: {part} at character {found.start() + 1}"
            case "bracket" if part in "([":
                open_ones.append(part)
            case "bracket" if not open_ones or open_ones.pop() != _PAIRS[part]:
                return f"{part} at character {found.start() + 1} closes nothing"
    return f"{open_ones[-1]} is not closed" if open_ones else None


RULE = SqlRule()
