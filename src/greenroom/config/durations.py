"""Lengths of time and shares as people write them: `30s`, `5m`, `5%`.

A plain number is refused for a length of time: nobody can tell whether `timeout: 5` means seconds or minutes.
Inside, lengths are seconds and shares are numbers from 0 to 1; dumped, they are text again.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,3})?(ms|s|m|h|d)$"
SHARE_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,4})?%$"
LONGEST = 3650 * UNITS["d"]

_DURATION = re.compile(DURATION_PATTERN.removesuffix("$"))
_SHARE = re.compile(SHARE_PATTERN.removesuffix("$"))


def parse_duration(value: object) -> float:
    """Seconds in `250ms`, `30s`, `5m`, `2h` or `7d`. Raises ValueError that says what it should be."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        said = f"a length of time with its unit: {value}s, {value}m or {value}h"
        raise ValueError(said)  # noqa: TRY004 - the one error a caller has to know
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found or not isinstance(value, str):
        raise ValueError("a length of time such as 250ms, 30s, 5m, 2h or 7d")
    seconds = round(float(value.removesuffix(found[2])) * UNITS[found[2]], 6)
    if seconds > LONGEST:
        raise ValueError("a length of time of at most 3650d")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads back as the same number of milliseconds."""
    milliseconds = round(seconds * 1000)
    for unit in ("d", "h", "m", "s"):
        size = round(UNITS[unit] * 1000)
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def parse_share(value: object) -> float:
    """A number from 0 to 1 in `5%` or `0.05`. `1` could mean 1% or 100%, so whole numbers past 0 are refused."""
    if isinstance(value, str) and _SHARE.fullmatch(value):
        share = round(float(value.removesuffix("%")) / 100, 6)
        if share <= 1:
            return share
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if 0 <= value < 1:
            return float(value)
        if value >= 1:
            raise ValueError(f"a share with its sign: {value}%")
    raise ValueError("a share such as 5% or 0.05")


def format_share(share: float) -> str:
    """`5%` for 0.05."""
    return f"{round(share * 100, 4):g}%"


def _duration(value: Any) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("greenroom", "{expected}", {"expected": str(error)}) from None


def _positive(value: Any) -> float:
    seconds = _duration(value)
    if seconds <= 0:
        raise PydanticCustomError("greenroom", "{expected}", {"expected": "a length of time longer than 0s"})
    return seconds


def _share(value: Any) -> float:
    try:
        return parse_share(value)
    except ValueError as error:
        raise PydanticCustomError("greenroom", "{expected}", {"expected": str(error)}) from None


_TEXT = WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["30s", "5m", "2h"]})
_POSITIVE = WithJsonSchema(
    {"type": "string", "pattern": "^(?!0+(\\.0+)?[a-z])" + DURATION_PATTERN[1:], "examples": ["30s", "5m", "2h"]}
)
_AS_TEXT = PlainSerializer(format_duration, return_type=str)

Duration = Annotated[float, BeforeValidator(_duration), _AS_TEXT, _TEXT]
"""Seconds, written `30s`; `0s` is allowed."""

Timeout = Annotated[float, BeforeValidator(_positive), _AS_TEXT, _POSITIVE]
"""Seconds, written `30s`; longer than zero."""

Share = Annotated[
    float,
    BeforeValidator(_share),
    PlainSerializer(format_share, return_type=str),
    Field(ge=0, le=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]{1,4})?)%$"},
                {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            ],
            "examples": ["5%", 0.05],
        }
    ),
]
"""0 to 1, written `5%` or 0.05."""
