"""Arguments and options that several commands have, with their help and their completion."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import typer

from greenroom.domain.errors import BadInput

COMPLETION_SECONDS = 2.0


def _environments(incomplete: str) -> list[str]:
    return [e["name"] for e in _asked("environments") if e["name"].startswith(incomplete)]


def _releases(incomplete: str) -> list[str]:
    return [r["version"] for r in _asked("releases") if r["version"].startswith(incomplete)]


def _works(incomplete: str) -> list[str]:
    return [w["id"] for w in _asked("work") if w["id"].startswith(incomplete)]


def _asked(noun: str) -> list[dict[str, Any]]:
    """What there is; nothing when the control plane does not say: pressing Tab is no place for errors."""
    from greenroom.cli.command import Session

    try:
        found: list[dict[str, Any]] = Session().client.get(noun)
    except Exception:  # noqa: BLE001
        return []
    return found


Environment = Annotated[
    str,
    typer.Argument(
        metavar="ENVIRONMENT", help="Its name on the path.", autocompletion=_environments, show_default=False
    ),
]
Release = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE",
        help="Digest, its beginning, version or commit.",
        autocompletion=_releases,
        show_default=False,
    ),
]
WorkId = Annotated[
    str, typer.Argument(metavar="WORK", help="Such as promotion-….", autocompletion=_works, show_default=False)
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay and show the steps until it ended.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most so many.")]


_LENGTH = re.compile(r"\s*([0-9]{1,12})\s*(ms|s|m|h|d|w)?[a-z]*\s*", re.IGNORECASE)


def seconds_of(text: str, option: str, *, most: float | None = None) -> float:
    """`30m` as seconds; longer than nothing and at most `most` of them. Raises BadInput (`usage.invalid`)."""
    from greenroom.config.durations import format_duration, parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        said = f"{option}: should be {error} (got {text[:40]!r})"
        raise BadInput("usage.invalid", said, hint=_meant(text, option)) from error
    if seconds <= 0:
        said = f"{option}: should be longer than nothing (got {text!r})"
        raise BadInput("usage.invalid", said, hint=f"such as {option} 2h")
    if most is not None and seconds > most:
        longest = format_duration(most)
        said = f"{option}: should be at most {longest} (got {text!r})"
        raise BadInput(
            "usage.invalid", said, hint=f"{option} {longest} is the longest; afterwards it can be said again"
        )
    return seconds


def _meant(text: str, option: str) -> str:
    """What a length of time that cannot be read was probably meant to be."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        return f"a number and its unit without a blank: {option} 30s, 5m, 2h or 7d"
    number, unit = int(found[1]), (found[2] or "").lower()
    if not unit:
        return f"say which unit: {option} {number}m, {number}h or {number}d"
    return f"did you mean {option} {f'{number * 7}d' if unit == 'w' else f'{number}{unit}'}?"


def instant_of(text: str) -> str:
    """A time as people write it, with this machine's offset where they give none; anything else (a name) as it is."""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError:
        return text


def moment_of(text: str, option: str) -> datetime:
    """`2026-11-24T18:00` here, or with an offset, or a length of time from now. Raises BadInput (`usage.invalid`)."""
    from datetime import UTC, timedelta

    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        pass
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds_of(text, option))
    except BadInput as error:
        said = (
            f"{option}: should be a time such as 2026-11-24T18:00, or a length of time such as 2h (got {text[:40]!r})"
        )
        raise BadInput("usage.invalid", said, hint=error.hint) from error
