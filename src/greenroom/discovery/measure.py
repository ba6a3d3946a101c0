"""From sampled values to counts. Values go in, none comes out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from greenroom.discovery.model import Sample, Traits

LOOKED_AT = 2000
"""Characters of a value that are looked at."""

DEPTH, PATHS, ELEMENTS, NODES = 6, 60, 20, 400
"""Bounds for JSON: levels, paths of a column, elements of one array, values of one document."""

WHOLE = ("address_within", "serialized")
"""Traits of detectors that are looked for in whole documents, too."""

_KEY = re.compile(r"[^\W\d][\w$-]{0,39}")
"""What the name of a key looks like."""
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?!\d)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CODE = re.compile(r"(?=.*[\d_A-Z:/-])[A-Za-z0-9_.:/#-]{1,40}")
_HEX = re.compile(r"[0-9a-fA-F]{16,}")

GENERAL: Traits = {
    "number": lambda text: bool(_NUMBER.fullmatch(text)),
    "whole_number": lambda text: text.isdecimal(),
    "date": lambda text: bool(_DATE.match(text)),
    "code": lambda text: bool(_CODE.fullmatch(text)),
    "hexadecimal": lambda text: bool(_HEX.fullmatch(text)),
    "sentence": lambda text: len(text.split()) >= 5,
    "truth": lambda text: text in ("true", "false"),
    "one_word": lambda text: text.isalpha() and text.islower(),
}
"""Traits that no detector owns."""


def measure(values: Sequence[str | None], traits: Traits, today: date) -> Sample:
    """The sample of a column of texts (or of anything in PostgreSQL's text form)."""
    filled = [v[:LOOKED_AT] for v in values if v is not None and v.strip() and v != "\\x"]
    counts: Counter[str] = Counter()
    for text, times in Counter(filled).items():
        bare = text.strip()
        for name, has in (*GENERAL.items(), *traits.items()):
            if has(bare):
                counts[name] += times
        if (age := _age(bare, today)) is not None:
            counts["past_date"] += times if age > 0 else 0
            counts["adult_date"] += times if 16 <= age <= 105 else 0
    words = sum(len(v.split()) for v in filled) / len(filled) if filled else 0.0
    longest = max((len(v) for v in values if v is not None), default=0)
    return Sample(len(values), len(filled), len(set(filled)), dict(counts), round(words, 1), longest)


def measure_arrays(values: Sequence[Sequence[Any] | None], traits: Traits, today: date) -> Sample:
    """The sample of a column of arrays, whose elements are texts."""
    flat = [e for v in values if v is not None for e in _flat(v, ELEMENTS)]
    filled = sum(1 for v in values if v)
    return Sample(len(values), filled, filled, elements=measure(flat, traits, today))


def measure_json(values: Sequence[str | None], traits: Traits, today: date) -> Sample:
    """The sample of a column of documents, by path. A text that is no JSON counts as a document with odd keys."""
    at: dict[str, list[str | None]] = {}
    uses: Counter[str] = Counter()
    filled = odd = 0
    mixed: set[str] = set()
    for text in values:
        if text is None:
            continue
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            odd += 1
            continue
        filled += document not in ({}, [], None, "")
        own: dict[str, list[str | None]] = {}
        odd += _walk(document, own)
        for path, found in own.items():
            at.setdefault(path, []).extend(found)
        uses.update(own.keys())
    for path in _rare(uses, filled, traits):
        odd += uses[path]
        del at[path]
    for path in at:
        # A place that is a scalar in one document and goes on in another can have no rule of its own.
        if any(other.startswith((f"{path}.", f"{path}[")) for other in at):
            mixed.update({path, *(o for o in at if o.startswith((f"{path}.", f"{path}[")))})
    whole = measure([v for v in values if v is not None], {k: traits[k] for k in WHOLE if k in traits}, today)
    paths = {path: measure(found, traits, today) for path, found in sorted(at.items()) if path not in mixed}
    odd_keys = odd + len(mixed & at.keys())
    return Sample(len(values), filled, filled, whole.traits, paths=paths, odd_keys=odd_keys)


def merged_traits(detectors: Iterable[Traits]) -> Mapping[str, Any]:
    """The traits of all detectors as one. Raises ValueError for a name that two claim."""
    merged: dict[str, Any] = {}
    for traits in detectors:
        if twice := merged.keys() & traits.keys() | GENERAL.keys() & traits.keys():
            raise ValueError(f"two detectors recognise {', '.join(sorted(twice))}")
        merged.update(traits)
    return merged


def _age(text: str, today: date) -> float | None:
    found = _DATE.match(text)
    if found is None or text.endswith("BC"):
        return None
    try:
        return (today - date(int(found[1]), int(found[2]), int(found[3]))).days / 365.25
    except ValueError:
        return None


def _flat(value: Any, left: int) -> list[str | None]:
    """The first elements of an array of any dimensions, without recursion."""
    found: list[str | None] = []
    todo = [value]
    while todo and len(found) < left:
        one = todo.pop(0)
        if isinstance(one, list):
            todo[0:0] = one[:left]
        else:
            found.append(None if one is None else str(one))
    return found


def _walk(document: Any, into: dict[str, list[str | None]]) -> int:
    """Put every scalar under its path; count what is no name of a key, lies too deep, or is too much."""
    odd, left = 0, NODES
    todo: list[tuple[Any, str, int]] = [(document, "", 0)]
    while todo and left:
        left -= 1
        value, path, depth = todo.pop()
        if isinstance(value, dict):
            for key, inner in list(value.items())[:NODES]:
                if not _KEY.fullmatch(key) or depth >= DEPTH:
                    odd += 1
                else:
                    todo.append((inner, f"{path}.{step(key)}" if path else step(key), depth + 1))
        elif isinstance(value, list):
            if depth < DEPTH:
                todo += [(inner, f"{path}[*]", depth + 1) for inner in value[:ELEMENTS]]
            else:
                odd += 1
        elif path:
            text = None if value is None else value if isinstance(value, str) else json.dumps(value)
            into.setdefault(path, []).append(text)
    return odd + len(todo)


def step(key: str) -> str:
    """A key as paths of the rule `json` write it."""
    return key if re.fullmatch(r"[^\W\d]\w*", key) else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _rare(uses: Mapping[str, int], documents: int, traits: Traits) -> list[str]:
    """Paths whose keys may be data themselves, as in a document with a key for each person: those that stand in less
    than a fifth of the documents or in one alone, names of people unless nearly all have them, and all beyond the
    bound."""
    by_use = sorted(uses, key=lambda path: (-uses[path], path))
    often = max(2.0, documents / 5)
    rare = [p for p in by_use[:PATHS] if uses[p] < often or (uses[p] < documents * 0.8 and _is_like_data(p, traits))]
    return rare + by_use[PATHS:]


def _is_like_data(path: str, traits: Traits) -> bool:
    keys = [key.strip('"') for key in re.split(r"[.\[]", path)]
    recognise = [traits[name] for name in ("first_name", "last_name") if name in traits]
    return any(has(key) for key in keys if key[:1].isupper() for has in recognise)
