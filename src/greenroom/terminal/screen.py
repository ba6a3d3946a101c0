"""What a terminal can show, and Rich set up for it."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from typing import IO

from rich.box import ASCII, ROUNDED, Box
from rich.console import Console, RenderableType

from greenroom.terminal.words import only_painted


@dataclass(frozen=True)
class Marks:
    """The signs in use; the plain ones where the encoding has no others."""

    yes: str
    no: str
    wait: str
    arrow: str
    refused: str
    waiting: str
    moving: str
    down: str
    bar: str
    dot: str
    snow: str
    dash: str
    ellipsis: str
    box: Box


UNICODE = Marks("✓", "✗", "…", "──▶", "─✗▶", "┄┄▶", "━━▶", "▼", "│", "●", "❄", "–", "…", ROUNDED)
PLAIN = Marks("+", "x", "~", "-->", "-x>", "..>", "==>", "v", "|", "*", "frozen", "-", "~", ASCII)


def marks(unicode: bool) -> Marks:
    return UNICODE if unicode else PLAIN


def is_unicode(stream: IO[str]) -> bool:
    return (getattr(stream, "encoding", "") or "").lower().replace("-", "") in ("utf8", "utf8sig")


def has_color(stream: IO[str]) -> bool:
    """On a terminal that takes it, unless NO_COLOR (no-color.org) says otherwise."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def console(stream: IO[str] | None = None) -> Console:
    """Rich on this stream (standard output): no markup, no guessing at words, long lines left alone when piped."""
    stream = stream or sys.stdout
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        no_color=not has_color(stream),
        width=None if stream.isatty() else 120,
        legacy_windows=False,
    )


def rendered(what: RenderableType, *, width: int, color: bool) -> str:
    """As text, for a terminal here or elsewhere; nothing in it but colours controls that. No trailing spaces."""
    out = io.StringIO()
    screen = Console(
        file=out,
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        _environ={},
    )
    screen.print(what)
    drawn = only_painted(out.getvalue())
    return "\n".join(line.rstrip() for line in drawn.rstrip("\n").split("\n")) + "\n"
