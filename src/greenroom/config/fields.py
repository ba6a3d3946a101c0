"""The kinds of value a setting may have, each with the one sentence that says what it should be.

What is meant as text stays text: a number with a point or a bare `no` is refused rather than guessed at.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from greenroom.domain.dotted import COLUMN, TABLE, dotted, parts
from greenroom.domain.egress import destination
from greenroom.domain.errors import BadInput
from greenroom.domain.names import NAME, RESERVED, VARIABLE, checked_name

NAME_SHOULD = "a name of lower-case letters, digits and inner hyphens, at most 32, starting with a letter"

_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_BRANCH = re.compile(
    r"(?!/|.*(?://|\.\.|@\{|/\.|\.lock(?:/|$)))[^\s\x00-\x1f\x7f~^:?*\[\\.-][^\s\x00-\x1f\x7f~^:?*\[\\]{0,199}"
)
_RUNTIME = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
_EXECUTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_EXTENSION = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SHELL = frozenset({"&&", "||", "|", ";", ">", ">>", "<", "<<", "&", "2>", "2>&1", "&>"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


def wrong(expected: str) -> PydanticCustomError:
    """The error of a value that should have been `expected`."""
    return PydanticCustomError("greenroom", "{expected}", {"expected": expected})


def as_text(value: Any, expected: str = "text") -> str:
    """Text as written; a whole number is taken as the text it is written as."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise PydanticCustomError("greenroom_text", "{expected}", {"expected": expected})
    return value


def _matching(pattern: re.Pattern[str], expected: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        text = as_text(value, expected)
        if not pattern.fullmatch(text):
            raise wrong(expected)
        return text

    return check


def _name(value: Any) -> str:
    text = as_text(value, NAME_SHOULD)
    try:
        return checked_name(text, "the name")
    except BadInput:
        raise wrong("a name that is not reserved" if text in RESERVED else NAME_SHOULD) from None


def _one_line(value: Any) -> str:
    text = as_text(value, "one line of text")
    if "\n" in text or "\r" in text or not text.strip():
        raise wrong("one line of text")
    return text


def _command(value: Any) -> list[str]:
    """An argument list; a string is split as a shell would split it, and never run in one."""
    if isinstance(value, str):
        words = split_command(value)
    elif isinstance(value, list) and all(isinstance(w, str | int) and not isinstance(w, bool) for w in value):
        words = [str(w) for w in value]
    else:
        raise wrong("a command: text, or a list of words in quotes")
    if not words or not words[0]:
        raise wrong("a command that is not empty")
    return words


def split_command(text: str) -> list[str]:
    """The words of a command as a shell would split them. Raises the error of a field for what needs a shell."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise wrong(f"a command whose quotes close ({str(error).lower()})") from None
    if shell := [w for w in words if w in _SHELL]:
        raise wrong(
            f"a command without `{shell[0]}`: it is not run in a shell; "
            'make it two entries, or write ["sh", "-c", "…"] where a shell is wanted'
        )
    if words and _ASSIGNMENT.fullmatch(words[0]):
        raise wrong("a command that starts with a program; settings belong under `config`, or use env NAME=value …")
    return words


def _allowed(value: Any) -> list[str]:
    """Destinations as they are written, or `[any]`."""
    if value == "any":
        return ["any"]
    if not isinstance(value, list):
        raise wrong("a list of destinations such as api.example.com:443, or `any`")
    found = []
    for one in value:
        text = as_text(one, "a destination such as api.example.com:443")
        try:
            destination(text)
        except ValueError as error:
            raise wrong(f"{error} ({text[:80]})") from None
        found.append(text)
    return found


def _path_in_release(value: Any) -> str:
    text = as_text(value, "a path inside the repository")
    if not text or text.startswith(("/", "~")) or ".." in text.split("/") or "\\" in text:
        raise wrong("a path inside the repository, without `..`")
    return text


def _absolute(value: Any) -> str:
    text = as_text(value, "an absolute path")
    if not text.startswith("/") or ".." in text.split("/") or text == "/":
        raise wrong("an absolute path such as /usr/share/zoneinfo, without `..`")
    return text


def _url_path(value: Any) -> str:
    text = as_text(value, "a path such as /health")
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text or "#" in text:
        raise wrong("a path such as /health, starting with / and without spaces")
    return text


def _text_schema(pattern: re.Pattern[str] | None = None, *, whole_numbers: bool = True, **extra: Any) -> WithJsonSchema:
    """A whole number passes as text where its digits fit; `pattern` says nothing about numbers."""
    kinds: Any = ["string", "integer"] if whole_numbers else "string"
    found: dict[str, Any] = {"type": kinds, **extra}
    if pattern:
        found["pattern"] = f"^{pattern.pattern}$"
    return WithJsonSchema(found)


Text = Annotated[str, BeforeValidator(as_text), _text_schema()]
Line = Annotated[str, BeforeValidator(_one_line), _text_schema(re.compile(r"[^\r\n]*\S[^\r\n]*"))]
Name = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$", "not": {"enum": sorted(RESERVED)}}),
]
VariableName = Annotated[
    str,
    BeforeValidator(_matching(VARIABLE, "the name of an environment variable: letters, digits and _")),
    _text_schema(VARIABLE, whole_numbers=False),
]
Host = Annotated[
    str,
    BeforeValidator(_matching(_HOST, "a host name in lower case such as shop.example.com")),
    _text_schema(_HOST, whole_numbers=False),
]
Branch = Annotated[
    str, BeforeValidator(_matching(_BRANCH, "the name of a git branch such as main")), _text_schema(_BRANCH)
]
RuntimeLine = Annotated[
    str,
    BeforeValidator(_matching(_RUNTIME, 'an interpreter version in quotes such as "3.11" or "20"')),
    _text_schema(_RUNTIME, minimum=0, maximum=999),
]
VersionText = Annotated[
    str,
    BeforeValidator(_matching(_VERSION, 'a version such as "6.1.5": letters, digits and . + _ -')),
    _text_schema(_VERSION, minimum=0),
]
Executable = Annotated[
    str,
    BeforeValidator(_matching(_EXECUTABLE, "the name of a program such as ffmpeg, without a path")),
    _text_schema(_EXECUTABLE, minimum=0),
]
Extension = Annotated[
    str,
    BeforeValidator(_matching(_EXTENSION, "the name of a PostgreSQL extension such as pg_trgm")),
    _text_schema(_EXTENSION, whole_numbers=False),
]
RepositoryPath = Annotated[
    str,
    BeforeValidator(_path_in_release),
    _text_schema(re.compile(r"(?![/~])(?!(.*/)?\.\.(/|$))[^\\]+")),
]
AbsolutePath = Annotated[
    str, BeforeValidator(_absolute), _text_schema(re.compile(r"/(?!(.*/)?\.\.(/|$)).+"), whole_numbers=False)
]
UrlPath = Annotated[str, BeforeValidator(_url_path), _text_schema(re.compile(r"/[!-\"$-~]*"), whole_numbers=False)]
Allowed = Annotated[
    list[str],
    BeforeValidator(_allowed),
    WithJsonSchema(
        {
            "anyOf": [{"const": "any"}, {"type": "array", "items": {"type": "string", "pattern": r"\S"}}],
            "examples": ["any", ["api.example.com:443", "192.0.2.0/24"]],
        }
    ),
]
Port = Annotated[int, Field(ge=1, le=65535)]
Command = Annotated[
    list[str],
    BeforeValidator(_command),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\S"},
                {"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}},
            ],
            "examples": ["python -m pytest -q", ["sh", "-c", "one && two"]],
        }
    ),
]
TablePath = Annotated[
    str,
    BeforeValidator(_matching(TABLE, 'a table such as public.customer or public."orders.v2"')),
    AfterValidator(lambda text: dotted(*parts(text))),
    _text_schema(TABLE, whole_numbers=False),
]
ColumnPath = Annotated[
    str,
    BeforeValidator(_matching(COLUMN, 'a column such as public.customer.email or public."orders.v2".email')),
    AfterValidator(lambda text: dotted(*parts(text))),
    _text_schema(COLUMN, whole_numbers=False),
]
