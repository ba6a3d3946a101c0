"""What discovery found, written into the text of a `greenroom.yaml`.

Lines are put between lines; nothing that stands there is changed. What the file already says of a column stays. The
result is read back and compared: it says what it said before, and the new rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenroom.config.template import quoted
from greenroom.config.yaml_text import Document, YamlProblem, read_yaml
from greenroom.discovery.model import Harmless, Proposal, Undecided, Verdict
from greenroom.domain.dotted import COLUMN, dotted, parts
from greenroom.domain.errors import BadInput, Errored

SECTION, RULES, HARMLESS = "data", "rules", "harmless"
MARGIN = 56
"""Where comments begin, after shorter lines."""

_BREAKS = ("\n", "\r", "\x85", "\u2028", "\u2029")
_LINE = re.compile(r"[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029])|[^\n\r\x85\u2028\u2029]+\Z")
"""A line with its end, as YAML counts lines (YAML 1.1, 4.2)."""

LONGEST_COMMENT = 160
LOOK_AT = "# look at: "
ABOUT = (
    "# What leaves production, column by column: a masking rule, or harmless.",
    "# Proposed by `greenroom data discover` with its confidence (0 to 1) and its reason; it is yours now.",
)


@dataclass(frozen=True)
class Written:
    """The new text; the columns that were added, those of which the file had its say already, and those that a person
    has to look at."""

    text: str
    added: tuple[str, ...]
    kept: tuple[str, ...]
    to_look_at: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """The lines of one column, without indentation."""

    column: str
    lines: tuple[str, ...]


def with_rules(text: str, verdicts: Sequence[Verdict]) -> Written:
    """The text with a rule for each verdict whose column it says nothing of, sorted by table.

    Undecided columns become comments. Raises BadInput: `data.rules_form` when the section stands in braces or is no
    mapping, `data.rules_too_many` when the file would be longer than one that is read, `config.unreadable_yaml` when
    the text is no YAML.
    """
    document = _read(text)
    said = _Said.of(document)
    new = [_nameable(v) for v in verdicts if not said.covers(v.column) and not (v.follows and said.covers(v.follows))]
    lines = _LINE.findall(text)
    shown = {line.strip() for line in lines}
    entries = sorted((_entry(v) for v in new), key=lambda e: _order(e.column))
    entries = [e for e in entries if not _is_shown(e, shown)]
    end = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    placed = _placed(lines, document, entries)
    result = "".join(line if line.endswith(_BREAKS) else f"{line}{end}" for line in placed)
    added = {v.column: v for v in new if not isinstance(v, Undecided)}
    _check(text, document, result, added)
    written = {v.column for v in new}
    kept = tuple(v.column for v in verdicts if v.column not in written)
    return Written(result, tuple(added), kept, tuple(v.column for v in new if isinstance(v, Undecided)))


@dataclass(frozen=True)
class _Said:
    """The columns that the file says something of already: that have rules, or are harmless."""

    columns: frozenset[str]

    @classmethod
    def of(cls, document: Document) -> _Said:
        section = _mapping(document.data.get(SECTION), SECTION)
        rules = _mapping(section.get(RULES), f"{SECTION}/{RULES}")
        listed = _mapping(section.get(HARMLESS), f"{SECTION}/{HARMLESS}")
        columns = {
            f"{_plain_path(table)}.{dotted(str(c))}"
            for table, names in listed.items()
            if isinstance(names, list)
            for c in names
        }
        return cls(frozenset(map(_plain_path, rules)) | columns)

    def covers(self, column: str) -> bool:
        return column in self.columns


def _plain_path(text: Any) -> str:
    """As `dotted` writes it, whatever quotes stand in the file that nobody needs."""
    try:
        return dotted(*parts(str(text)))
    except ValueError:
        return str(text)


def _read(text: str) -> Document:
    try:
        document = read_yaml(text)
    except YamlProblem as wrong:
        raise BadInput(
            "config.unreadable_yaml",
            f"the file is no YAML that Greenroom reads: line {wrong.mark.line}",
            because=f"it should be {wrong.expected}",
            hint="greenroom apply names everything that is wrong with it",
        ) from None
    if document.data is None:
        document.data = {}
    _mapping(document.data, "the file")
    return document


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _form(path)
    return value


def _form(path: str) -> BadInput:
    return BadInput(
        "data.rules_form",
        f"rules cannot be added to {path}",
        because="it is no mapping with a line for each key",
        hint="write one key on each line below it, indented, without braces",
    )


def _nameable(verdict: Verdict) -> Verdict:
    """What the file cannot name is shown in a comment: a control character in a name has no place in it."""
    if COLUMN.fullmatch(verdict.column):
        return verdict
    return Undecided(verdict.column, "a control character in a name: no rule can be written for it", None)


def _entry(verdict: Verdict) -> _Entry:
    reason = f"{verdict.confidence:.2f}: {verdict.reason}" if verdict.confidence else verdict.reason
    key = quoted(verdict.column)
    if isinstance(verdict, Harmless):
        return _Entry(verdict.column, (_with(f"{key}: {HARMLESS}", reason),))
    if isinstance(verdict, Proposal):
        return _Entry(verdict.column, tuple(_rule(key, verdict, reason)))
    suggested = verdict.suggested
    rule = f": {_short(suggested.rule, suggested.settings)}" if suggested else ""
    return _Entry(verdict.column, (f"{LOOK_AT}{key}{rule}   {_comment(reason)}",))


def _rule(key: str, verdict: Proposal, reason: str) -> Iterator[str]:
    """On one line, but for rules within rules."""
    if not any(isinstance(value, Mapping) for value in verdict.settings.values()):
        yield _with(f"{key}: {_short(verdict.rule, verdict.settings)}", reason)
        return
    yield _with(f"{key}:", reason)
    yield f"  rule: {quoted(verdict.rule)}"
    for name, value in verdict.settings.items():
        if name == "paths":
            yield f"  {name}:"
            for path, inner in value.items():
                yield f"    {quoted(path)}: {_flow(inner)}"
        else:
            yield f"  {name}: {_flow(value)}"


def _short(rule: str, settings: Mapping[str, Any]) -> str:
    if not settings:
        # `null` alone is no text in YAML.
        return quoted(rule)
    return _flow({"rule": rule, **settings})


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _with(line: str, reason: str) -> str:
    return f"{line.ljust(MARGIN)}  {_comment(reason)}"


def _comment(reason: str) -> str:
    """One printable line: names of the database's stand in reasons, and may hold anything."""
    plain = "".join(c if c.isprintable() else " " for c in reason)
    cut = plain if len(plain) <= LONGEST_COMMENT else plain[: LONGEST_COMMENT - 1] + "…"
    return f"# {cut}"


def _is_shown(entry: _Entry, shown: set[str]) -> bool:
    """A column that a person should look at stands in the file as such already, perhaps with another reason."""
    line = entry.lines[0]
    if not line.startswith(LOOK_AT):
        return False
    start = LOOK_AT + quoted(entry.column)
    return any(s == start or s.startswith((f"{start}:", f"{start} ")) for s in shown)


def _order(column: str) -> tuple[str, ...]:
    return parts(column) if COLUMN.fullmatch(column) else (column,)


def _placed(lines: list[str], document: Document, entries: list[_Entry]) -> list[str]:
    if not entries:
        return lines
    if SECTION not in document.data:
        return _appended(lines, document, entries)
    section = document.keys[(SECTION,)]
    if section.column != 1:
        raise _form(SECTION)
    if not document.data[SECTION]:
        at = _empty_line(lines, document, (SECTION,))
        return [*lines[:at], *_block(entries, "  ", header=True), *lines[at:]]
    inner = min(mark.column for path, mark in document.keys.items() if path[:1] == (SECTION,) and len(path) == 2) - 1
    if document.values[(SECTION,)].line == section.line:
        raise _form(SECTION)
    indent = " " * inner
    if RULES not in document.data[SECTION]:
        at = section.line
        return [*lines[:at], *_block(entries, indent, header=True), *lines[at:]]
    if not document.data[SECTION][RULES]:
        at = _empty_line(lines, document, (SECTION, RULES))
        return [*lines[:at], *_block(entries, indent, header=False), *lines[at:]]
    return _between(lines, document, entries)


def _appended(lines: list[str], document: Document, entries: list[_Entry]) -> list[str]:
    """A new section at the end, before a mark of the document's end."""
    if document.data and document.values.get((), None) is not None and _is_flow(lines, document):
        raise _form("the file")
    end = next((n for n, line in enumerate(lines) if line.rstrip() == "..."), len(lines))
    gap = [""] if end and lines[end - 1].strip() else []
    head = [*gap, *ABOUT, f"{SECTION}:", *_block(entries, "  ", header=True)]
    return [*lines[:end], *head, *lines[end:]]


def _is_flow(lines: list[str], document: Document) -> bool:
    first = document.values[()]
    return lines[first.line - 1][first.column - 1 :].startswith("{")


def _empty_line(lines: list[str], document: Document, path: tuple[str, ...]) -> int:
    """The index after the line of a key that has nothing; `{}` and `null` are something to take away by hand."""
    key = document.keys[path]
    rest = lines[key.line - 1][key.column - 1 :].partition(":")[2].split(" #")[0].strip()
    if rest:
        raise _form("/".join(path))
    return key.line


def _block(entries: Iterable[_Entry], indent: str, *, header: bool) -> list[str]:
    head = [f"{indent}{RULES}:"] if header else []
    return [*head, *(f"{indent}  {line}" for entry in entries for line in entry.lines)]


def _between(lines: list[str], document: Document, entries: list[_Entry]) -> list[str]:
    """Each entry before the first one that sorts after it, above the comments that belong to that; the others at the
    end."""
    at = (SECTION, RULES)
    marks = {p[2]: m for p, m in document.keys.items() if p[:2] == at and len(p) == 3}
    if document.values[at].line == document.keys[at].line:
        raise _form("/".join(at))
    indent = " " * (min(m.column for m in marks.values()) - 1)
    before: dict[int, list[str]] = {}
    for entry in entries:
        later = [m.line for column, m in marks.items() if _order(str(column)) > _order(entry.column)]
        place = _above_comments(lines, min(later) - 1, indent) if later else _end(lines, marks.values(), len(indent))
        before.setdefault(place, []).extend(f"{indent}{line}" for line in entry.lines)
    result: list[str] = []
    for number in range(len(lines) + 1):
        result += before.get(number, [])
        result += lines[number : number + 1]
    return result


def _above_comments(lines: list[str], index: int, indent: str) -> int:
    """The index of the first of the comments that belong to a key: as far in as it is. (Further in, a line that begins
    with # may be part of a text.)"""
    while index > 0 and lines[index - 1].startswith(f"{indent}#") and LOOK_AT not in lines[index - 1]:
        index -= 1
    return index


def _end(lines: list[str], marks: Iterable[Any], indent: int) -> int:
    """The index after the last line that belongs to the rules."""
    end: int = max(m.line for m in marks)
    for number in range(end, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        if len(line) - len(line.lstrip(" ")) < indent:
            break
        end = number + 1
    return end


def _check(text: str, before: Document, result: str, added: Mapping[str, Verdict]) -> None:
    try:
        after = read_yaml(result).data
    except YamlProblem as wrong:
        if "at most" in wrong.expected:
            raise BadInput(
                "data.rules_too_many",
                f"{len(added)} rules do not fit into the file",
                because=f"it should be {wrong.expected}",
                hint="declare columns harmless table by table, below `harmless:`, and discover again",
            ) from None
        raise _broken(text) from wrong
    expected = dict(before.data)
    if added:
        section = dict(expected.get(SECTION) or {})
        rules = {column: _plain(verdict) for column, verdict in added.items()}
        section[RULES] = {**(section.get(RULES) or {}), **rules}
        expected[SECTION] = section
    elif isinstance(after, dict) and SECTION in after and SECTION not in expected:
        expected[SECTION] = {RULES: None}  # comments alone
    elif after != expected and isinstance(after, dict):
        expected[SECTION] = {**(expected.get(SECTION) or {}), RULES: None}
    if (after or {}) != expected:
        raise _broken(text)


def _plain(verdict: Verdict) -> Any:
    if not isinstance(verdict, Proposal):
        return HARMLESS
    return {"rule": verdict.rule, **verdict.settings} if verdict.settings else verdict.rule


def _broken(text: str) -> Errored:
    return Errored(
        "data.rules_unwritten",
        "the rules could not be written into the file without changing what it says",
        because=f"it has {len(text.splitlines())} lines in a form that was not foreseen",
        hint="put an empty `data:` with `rules:` below it at the end of the file, and discover again",
    )
