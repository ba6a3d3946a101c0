"""A file on its way to being accepted: what could be read of it, so that every rule can speak at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from greenroom.config.schema import Environment, ProjectFile
from greenroom.domain.kinds import TEMPLATES, Kind

_STAND_IN: dict[str, Any] = {"project": "project", "processes": {"web": {"command": "true"}}}


@dataclass(frozen=True)
class Draft:
    """`file` lacks the entries that did not validate; `broken` names them, so that no rule builds on a gap."""

    file: ProjectFile
    raw: Mapping[str, Any]
    broken: frozenset[tuple[str | int, ...]] = field(default_factory=frozenset)

    def whole(self, *sections: str) -> bool:
        """True if nothing in these sections was left out."""
        return not any(path[0] in sections for path in self.broken)

    @property
    def environment_names(self) -> list[str]:
        """Every environment the file names, also those that did not validate."""
        if self.file.template:
            return [kind.value for kind in TEMPLATES[self.file.template]]
        written = self.raw.get("environments")
        return list(written) if isinstance(written, dict) else []

    def path(self) -> list[tuple[str, Environment]]:
        """The environments that could be read, in the order of the path."""
        written = self.file.environments or {}
        if not self.file.template:
            return [(name, e or Environment()) for name, e in written.items()]
        names = [kind.value for kind in TEMPLATES[self.file.template]]
        return [(n, written.get(n) or Environment()) for n in names if ("environments", n) not in self.broken]

    def kinds(self) -> dict[str, Kind]:
        """The kind of each environment that has one."""
        values = {k.value for k in Kind}
        return {n: e.kind or Kind(n) for n, e in self.path() if e.kind or n in values}


def read_draft(data: Mapping[str, Any]) -> tuple[Draft, list[ErrorDetails]]:
    """Validate; where that fails, validate again without the entries at fault, until the rest stands."""
    rest: dict[str, Any] = dict(data)
    first: list[ErrorDetails] = []
    broken: set[tuple[str | int, ...]] = set()
    while True:
        try:
            return Draft(ProjectFile.model_validate(rest), data, frozenset(broken)), first
        except ValidationError as error:
            errors = error.errors(include_url=False)
            first = first or errors
            before = dict(rest)
            broken |= {_leave_out(rest, e["loc"]) for e in errors}
            if rest == before:  # a key is missing, not wrong: its section goes
                broken |= {_leave_out(rest, e["loc"][:1]) for e in errors}


def _leave_out(rest: dict[str, Any], loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Take what holds `loc` out of `rest`, and name it: the entry of a section, or else the whole section.

    A section that must be there is replaced by a stand-in that validates, so the loop above ends.
    """
    section, entry = str(loc[0]), loc[1:2]
    inside = rest.get(section)
    if entry and isinstance(inside, dict) and len(inside) > 1:
        rest[section] = {k: v for k, v in inside.items() if k != entry[0]}
    elif section in _STAND_IN:
        rest[section] = _STAND_IN[section]
    else:
        rest.pop(section, None)
    return (section, *entry)
