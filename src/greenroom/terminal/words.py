"""Small words for people: ages, durations, moments; and text that is safe to print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
"""ECMA-48 (5th edition), 8.3.117: Select Graphic Rendition."""

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def plain(text: object) -> str:
    """Text from elsewhere, fit for a terminal: control characters, which could repaint it, become `·`.

    Line ends and tabs stay. Directions that reorder text (Unicode's bidirectional controls) go as well.
    """
    return "".join(c if c in "\n\t" or _is_harmless(c) else "·" for c in str(text))


def only_painted(text: str) -> str:
    """Text that was drawn for a terminal: colours stay, every other control character becomes `·`."""
    return "".join(_painted(text))


def _painted(text: str) -> Iterator[str]:
    at = 0
    for color in _COLOR.finditer(text):
        yield plain(text[at : color.start()])
        yield color[0]
        at = color.end()
    yield plain(text[at:])


def json_text(data: object, *, indent: int | None = None) -> str:
    """JSON that a program reads as it is and a terminal may show: what `plain` takes out stands there escaped."""
    return escaped(json.dumps(data, indent=indent, ensure_ascii=False))


def escaped(text: str) -> str:
    """The same JSON, every character that could repaint a terminal as `\\uXXXX`. Such stand in its strings alone."""
    return "".join(c if c == "\n" or _is_harmless(c) else f"\\u{ord(c):04x}" for c in text)


def one_line(text: object) -> str:
    return " ".join(plain(text).split())


def _is_harmless(c: str) -> bool:
    code = ord(c)
    if code < 32 or 127 <= code < 160:
        return False
    return not (0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or code in (0x200E, 0x200F, 0x061C))


def age(seconds: float) -> str:
    """The largest whole unit: `now`, `45 s`, `3 min`, `5 h`, `12 d`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds / size)} {unit}"
    return "now"


def ago(seconds: float) -> str:
    said = age(seconds)
    return "just now" if said == "now" else f"{said} ago"


def duration(seconds: float) -> str:
    """`0.04 s`, `3.2 s`, `45 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        minutes, rest = divmod(int(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(int(seconds) // 60, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def instant(value: datetime | str | None) -> datetime | None:
    """An instant of an answer, whether it crossed the API as text or not."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value.replace("Z", "+00:00"))


def local(value: datetime | str | None) -> str:
    """`2026-11-23 10:00` where the reader is."""
    at = instant(value)
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else "–"


def since(value: datetime | str | None, now: datetime | None = None) -> str:
    """`3 min ago`."""
    at = instant(value)
    return ago(((now or datetime.now(UTC)) - at).total_seconds()) if at else "–"


def until(value: datetime | str | None, now: datetime | None = None) -> str:
    """`in 3 h`."""
    at = instant(value)
    if at is None:
        return ""
    left = (at - (now or datetime.now(UTC))).total_seconds()
    return f"in {age(left)}" if left >= 1 else "now"


def size(count: float) -> str:
    """`512 B`, `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
