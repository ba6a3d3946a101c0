"""Paths into JSON documents, as the configuration writes them: `contact.email`, `devices[*].ip`, `"a.b".c`,
`[*].name`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

ELEMENTS = None
"""The step `[*]`: every element of an array. All other steps are keys."""

Step = str | None
_STEP = re.compile(r'(?:\.|^)(?:"((?:[^"\\]|\\.)*)"|([^."\[\]\\]+))|(\[\*\])')


def steps(path: str) -> tuple[Step, ...]:
    """The steps of a path. Raises ValueError, which says what is wrong."""
    text, found, at = path.removeprefix("$."), [], 0
    while at < len(text):
        step = _STEP.match(text, at) if at or not text.startswith(".") else None
        if step is None:
            raise ValueError(
                f"{path!r} is no path from character {at + 1} on: write key.key[*].key, other keys in quotes"
            )
        quoted, plain, elements = step.groups()
        found.append(ELEMENTS if elements else plain if plain is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = step.end()
    if not found or any(s is not None and "\0" in s for s in found):
        raise ValueError(f"{path!r} names nothing in a document")
    return tuple(found)


@dataclass
class Node(Generic[T]):
    """A place in the tree of all paths: either something stands at it, or more steps follow."""

    leaf: T | None = None
    children: dict[Step, Node[T]] = field(default_factory=dict)


def tree(paths: Iterable[tuple[str, T]]) -> Node[T]:
    """All paths as one tree. Raises ValueError for a bad path, and for one that ends where another goes on."""
    root: Node[T] = Node()
    for path, leaf in paths:
        node = root
        for step in steps(path):
            node = node.children.setdefault(step, Node())
            if node.leaf is not None:
                raise ValueError(f"{path!r} goes on below a path that has a rule, or is there twice")
        if node.children:
            raise ValueError(f"{path!r} has a rule, and other paths go on below it")
        node.leaf = leaf
    return root
