"""Sizes in the configuration: `500MB`, `4GB`. A number without a unit could mean any of them and is refused."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 1 << 20, "GiB": 1 << 30}
PATTERN = r"^[1-9][0-9]{0,3}(MB|GB|MiB|GiB)$"
_SIZE = re.compile(PATTERN)


def parse_size(value: object) -> int:
    """Bytes. Raises ValueError saying what was expected."""
    if isinstance(value, str) and (found := _SIZE.fullmatch(value)):
        return int(value.removesuffix(found[1])) * UNITS[found[1]]
    raise ValueError("a size such as 500MB or 4GB")


def format_size(size: int) -> str:
    """The shortest form that says exactly this many bytes; whole megabytes are all that can be written."""
    fits = [f"{size // n}{unit}" for unit, n in UNITS.items() if size % n == 0 and size // n > 0]
    return min(fits, key=len) if fits else f"{size} bytes"


def _size(value: Any) -> int:
    try:
        return parse_size(value)
    except ValueError as error:
        raise PydanticCustomError("greenroom", "{expected}", {"expected": str(error)}) from None


Size = Annotated[
    int,
    BeforeValidator(_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["500MB", "4GB"]}),
]
"""Bytes, written `500MB`."""
