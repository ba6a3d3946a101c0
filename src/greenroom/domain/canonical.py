"""One way to turn a value into bytes, so that equal things have equal digests (RFC 8785, JSON Canonicalization)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value; a tuple is a list, a set the list of its members in canonical order.

    Raises ValueError for NaN, integers past 2**53, half characters, keys that are no text, and other objects.
    """
    return rfc8785.dumps(_plain(value))


def digest_of(value: Any) -> str:
    """`sha256:` and the hexadecimal SHA-256 of the canonical form."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(v) for v in value), key=rfc8785.dumps)
    return value
