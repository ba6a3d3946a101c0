"""YAML as plain data, with the place of every value.

Built from the parser's events, without recursion and without the parts of YAML that make files dangerous or
surprising: no tags, no anchors or aliases (so nothing expands), no merge keys, one document, no key twice. Dates
stay text. Words and numbers resolve as other readers resolve them; `Text.written` remembers what stood there, so
that an error can say that `no` was read as false and `3.10` as 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_BYTES = 1 << 20
MAX_VALUES = 20_000
MAX_DEPTH = 32

Path = tuple[str | int, ...]

_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_INT = re.compile(r"0|-?[1-9][0-9]{0,15}")  # exactly what str() of the number gives back
_FLOAT = re.compile(r"[-+]?([0-9]{1,15}\.[0-9]{0,15}|\.[0-9]{1,15}|[0-9]{1,15}(?=[eE]))([eE][-+]?[0-9]{1,2})?")


@dataclass(frozen=True)
class Mark:
    """A place in the file; lines and columns count from 1."""

    line: int
    column: int


@dataclass
class Document:
    """The data, and where each path stands: the value's place, its key's place, and plain scalars as written."""

    data: Any = None
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)

    def mark(self, path: Path, *, of_key: bool = False) -> Mark:
        """Where `path` stands, or the nearest thing around it."""
        if of_key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Mark(1, 1))


class YamlProblem(Exception):
    """The text is not YAML that we take. `path` is as far as the reader got."""

    def __init__(self, expected: str, mark: Mark, path: Path = (), got: str | None = None) -> None:
        super().__init__(expected)
        self.expected, self.mark, self.path, self.got = expected, mark, path, got


def read_yaml(text: str) -> Document:
    """The one document in `text`. Raises YamlProblem, and nothing else, whatever the text."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise YamlProblem("text in UTF-8", Mark(1, 1)) from None
    if size > MAX_BYTES:
        raise YamlProblem("a file of at most 1 MiB", Mark(1, 1), got=f"{size} bytes")
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        where = _mark(error.problem_mark or error.context_mark)
        raise YamlProblem(f"valid YAML: {_reason(error, text, where)}", where) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        mark = Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise YamlProblem("printable text", mark) from None
    except (ValueError, OverflowError):  # an escape such as "\UFFFFFFFF", in the parser
        raise YamlProblem("valid YAML: an escape names no character", builder.last) from None
    return builder.document


def _events(text: str) -> Iterator[yaml.Event]:
    """The parser's events; libyaml's where PyYAML was built with it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return iter(yaml.parse(text, Loader=loader))


def _reason(error: yaml.MarkedYAMLError, text: str, where: Mark) -> str:
    """As the parser says it. libyaml does not say which character it did not expect: a tab is looked for."""
    said = ", ".join(s for s in (error.context, error.problem) if s)
    lines = text.split("\n")
    found = lines[where.line - 1][where.column - 1 : where.column] if where.line <= len(lines) else ""
    is_tab = found == "\t" or "\\t" in said or "\t" in said
    return said + ("; indent with spaces, not tabs" if is_tab else "")


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)


@dataclass
class _Open:
    """A mapping or list that is being filled; `key` is the mapping's key that waits for its value."""

    path: Path
    into: dict[str, Any] | list[Any]
    key: str | None = None


class _Builder:
    def __init__(self) -> None:
        self.document = Document()
        self.last = Mark(1, 1)
        self._stack: list[_Open] = []
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        self.last = _mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise YamlProblem("one YAML document", self.last, got="another after ---")
        elif isinstance(event, yaml.AliasEvent):
            raise YamlProblem("without aliases: write the value out", self.last, self._here(), got=f"*{event.anchor}")
        elif isinstance(event, yaml.NodeEvent):
            self._check(event)
            self._node(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._stack.pop()

    def _check(self, event: yaml.NodeEvent) -> None:
        if event.anchor:
            said = "without anchors: write the value out where it is needed"
            raise YamlProblem(said, self.last, self._here(), got=f"&{event.anchor}")
        tag = getattr(event, "tag", None)
        if tag and tag != "!":
            raise YamlProblem("without YAML tags", self.last, self._here(), got=str(tag))
        self._count += 1
        if self._count > MAX_VALUES:
            raise YamlProblem(f"at most {MAX_VALUES} values", self.last)
        if len(self._stack) > MAX_DEPTH:
            raise YamlProblem(f"at most {MAX_DEPTH} levels of nesting", self.last)

    def _here(self) -> Path:
        """The path of the value that comes next; of the mapping, where a key comes next."""
        top = self._stack[-1] if self._stack else None
        return top.path if top and isinstance(top.into, dict) and top.key is None else self._place(top)

    def _node(self, event: yaml.NodeEvent) -> None:
        top = self._stack[-1] if self._stack else None
        if top and isinstance(top.into, dict) and top.key is None:
            self._key(top, event)
            return
        path = self._place(top)
        self.document.values[path] = self.last
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, path)
        else:
            value = {} if isinstance(event, yaml.MappingStartEvent) else []
        if top is None:
            self.document.data = value
        elif isinstance(top.into, dict):
            top.into[str(top.key)], top.key = value, None
        else:
            top.into.append(value)
        if not isinstance(event, yaml.ScalarEvent):
            self._stack.append(_Open(path, value))

    @staticmethod
    def _place(top: _Open | None) -> Path:
        if top is None:
            return ()
        return (*top.path, len(top.into) if isinstance(top.into, list) else str(top.key))

    def _key(self, top: _Open, event: yaml.NodeEvent) -> None:
        """A key is the text that stands there: `on:` and `80:` are the keys "on" and "80"."""
        if not isinstance(event, yaml.ScalarEvent):
            raise YamlProblem("keys that are plain words", self.last, top.path)
        self._encodable(event, top.path)
        path = (*top.path, event.value)
        if event.value == "<<" and event.implicit[0]:
            raise YamlProblem("without merge keys: write the values out", self.last, path, got="<<")
        if event.value in top.into:
            first = self.document.keys[path]
            raise YamlProblem(f"written once; the first is in line {first.line}", self.last, path, got=event.value)
        self.document.keys[path] = self.last
        top.key = event.value

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Any:
        self._encodable(event, path)
        if not event.implicit[0]:  # quoted or a block: text
            return event.value
        self.document.written[path] = event.value
        return resolve(event.value)

    def _encodable(self, event: yaml.ScalarEvent, path: Path) -> None:
        if "\0" in event.value or any("\ud800" <= c <= "\udfff" for c in event.value):
            raise YamlProblem("text without NUL or half characters", self.last, path)


def resolve(written: str) -> Any:
    """What a plain scalar means: nothing, true or false, a decimal number, or text."""
    if written in _NULL:
        return None
    if written in _TRUE or written in _FALSE:
        return written in _TRUE
    if _INT.fullmatch(written):
        return int(written)
    return float(written) if _FLOAT.fullmatch(written) else written
