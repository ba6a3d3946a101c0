"""Where the statements of an SQL file begin, so that a person finds the one that failed.

Only lines are taken from here: PostgreSQL itself takes the file apart when it carries it out. The lexical rules are
those of its documentation, 4.1; a routine's body that is written as SQL (`BEGIN ATOMIC … END`) counts as a part of its
statement, as in psql.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<quoted>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<dollars>\$(?:[^\W\d]\w*)?\$)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<end>;)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
NESTED = re.compile(r"/\*|\*/")
ROUTINES = {"function", "procedure"}


def statement_lines(text: str) -> list[int]:
    """The line (from 1) on which each statement begins; empty ones are none, as for PostgreSQL."""
    lines: list[int] = []
    words: list[str] = []
    depth = body = 0
    is_open = False
    for kind, said, at in _tokens(text):
        if kind == "end" and depth == 0 and body == 0:
            is_open, words = False, []
            continue
        if not is_open:
            is_open = True
            lines.append(text.count("\n", 0, at) + 1)
        if said == "(":
            depth += 1
        elif said == ")":
            depth = max(0, depth - 1)
        elif kind == "word":
            words.append(said.lower())
            body = _body(words, body)
    return lines


def _body(words: list[str], body: int) -> int:
    """How deep we are in a routine's body after the last of `words`."""
    if words[0] != "create" or not ROUTINES.intersection(words[:4]):
        return 0
    last = words[-1]
    if last == "begin" or (last == "case" and body):
        return body + 1
    return max(0, body - 1) if last == "end" else body


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """What is neither space nor comment: its kind, itself, and where it begins."""
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise LookupError("every character is some token")
        kind, begin, at = str(found.lastgroup), at, found.end()
        if kind == "comment":
            at = _after_comment(text, at)
        elif kind == "dollars":
            close = text.find(found.group(), at)
            at = len(text) if close < 0 else close + len(found.group())
            yield kind, "", begin
        elif kind != "space":
            yield kind, found.group(), begin


def _after_comment(text: str, at: int) -> int:
    depth = 1
    while depth:
        found = NESTED.search(text, at)
        if found is None:
            return len(text)
        depth += 1 if found.group() == "/*" else -1
        at = found.end()
    return at
