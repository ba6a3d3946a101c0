"""What programs said, and what Greenroom words itself: the one rule of what may be told to whom.

Output holds what an application's users typed. It is for those who may read logs there, and it stays where it is
recorded with the work; the ledger, which is kept for ever and which others read, has a digest of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

PROGRAMS_WORDS = frozenset({"because", "output", "detail", "tail"})
"""Keys of recorded facts and errors whose text may come from a program."""

OWN_CODES = (
    "gate.", "bake.", "canary.", "work.", "ledger.", "home.no_room", "database.version",
    "data.backed_up", "data.clearance", "data.column_", "data.constraint_broken", "data.copy_differs",
    "data.copy_stopped", "data.dataset_", "data.edit_failed", "data.flows_back", "data.leak", "data.not_allowed",
    "data.not_ready", "data.not_rebuilt", "data.overtaken", "data.partition_ruled", "data.quasi_unknown",
    "data.read_only", "data.reference_", "data.row_refused", "data.rule_", "data.rules_changed", "data.subset_",
    "data.target_",
)  # fmt: skip
"""Errors (or, with their beginning, families of them) whose reason Greenroom words itself, out of counts, times and
names of tables, columns, constraints and rules: no value of anybody's is in it."""

LINE = frozenset({"gate", "verdict", "because"})
"""What marks a line of a checklist, which a gate words."""

PLACES = ("sqlstate", "schema", "table", "column", "constraint", "type", "position", "command")
"""Facts of an error that say where in a database it happened, in names and numbers."""


def is_own(error: Mapping[str, Any]) -> bool:
    """True when the reason of this error, or of this line of a checklist, is Greenroom's own words."""
    is_ours = isinstance(error.get("code"), str) and error["code"].startswith(OWN_CODES)
    return is_ours or LINE.issubset(error)


def without_words(value: Any) -> Any:
    """Recorded facts, however deep, without what programs said."""
    return _walked(value, None)


def with_digests(value: Any) -> Any:
    """The same, with a digest in the place of what programs said: it proves the text to whoever has it."""
    return _walked(value, digest_of_words)


def digest_of_words(said: Any) -> Any:
    """Nothing stays nothing."""
    if not said:
        return said
    text = said if isinstance(said, str) else json.dumps(said, sort_keys=True, ensure_ascii=False)
    whole = text.encode(errors="surrogatepass")
    return f"{len(text)} characters, sha256:{hashlib.sha256(whole).hexdigest()}"


def places(error: Mapping[str, Any]) -> str:
    """Where in a database it happened, in words; empty where nothing is known of that."""
    facts = error.get("facts")
    known = facts if isinstance(facts, Mapping) else {}
    return ", ".join(f"{name} {known[name]}" for name in PLACES if known.get(name))


def _walked(value: Any, digest: Any) -> Any:
    if isinstance(value, Mapping):
        own = is_own(value)
        kept = {k: _walked(v, digest) for k, v in value.items() if own or k not in PROGRAMS_WORDS}
        if digest is not None and not own:
            kept |= {k: digest(v) for k, v in value.items() if k in PROGRAMS_WORDS}
        return kept
    if isinstance(value, list | tuple):
        return [_walked(v, digest) for v in value]
    return value
