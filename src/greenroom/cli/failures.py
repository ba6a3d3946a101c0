"""How a command says that it did not work: a block of four lines for people, the same facts as JSON for machines."""

from __future__ import annotations

import os
import sys
import textwrap

from greenroom.domain.disk import disk_full, is_full
from greenroom.domain.errors import Errored, GreenroomError

INTERRUPTED = 130
COLORS = {"refused": "33", "invalid": "31", "errored": "31"}
LABELS = ("because", "next", "code")


def report(error: BaseException, as_json: bool) -> int:
    """Write it to standard error; the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):  # whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    known = error if isinstance(error, GreenroomError) else _unexpected(error)
    if as_json:
        from greenroom.terminal.words import json_text

        sys.stderr.write(json_text(known.as_dict()) + "\n")
    else:
        sys.stderr.write(block(known, color=_has_color()) + "\n")
    return known.exit_code


def block(error: GreenroomError, *, color: bool = False, width: int = 100) -> str:
    """
    refused: promote shop@9c1f to production
    because: gate soak: in staging for 10 minutes, needs 1 h
    next:    it passes by itself at 11:00
    code:    gate.soak_short
    """
    from greenroom.terminal.words import plain

    word = f"\x1b[1;{COLORS[error.word]}m{error.word}:\x1b[0m" if color else f"{error.word}:"
    lines = [f"{word} {plain(error.message)}"]
    for label, text in zip(LABELS, (error.because, error.hint, error.code), strict=True):
        if text:
            lines.append(_labelled(label, plain(text), width))
    return "\n".join(lines)


def _labelled(label: str, text: str, width: int) -> str:
    """`because: …`, further lines under the first. Long ones are folded; commands and output stay whole."""
    parts = [p for part in text.splitlines() for p in (_fold(part, width - 9) or [""])]
    return f"{label + ':':<9}" + ("\n" + " " * 9).join(parts)


def _fold(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _has_color() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _unexpected(error: BaseException) -> GreenroomError:
    """A full disk, or a defect of ours: enough to report it, and the whole of it where asked for."""
    if os.environ.get("GREENROOM_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    if is_full(error):
        return disk_full(str(getattr(error, "filename", None) or "the file"), str(error))
    return Errored(
        "cli.broke",
        f"the command broke: {type(error).__name__}",
        because=str(error)[:500],
        hint="this is a defect of Greenroom: please report it with the output under GREENROOM_TRACEBACK=1",
    )
