"""Following a piece of work, as server-sent events (WHATWG HTML, 9.2).

Looks at the store and at the progress kept in memory; nothing is pushed, so a watcher costs the workers nothing, and
work that another process carries out is followed all the same (without its lines).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import anyio
from fastapi.encoders import jsonable_encoder
from starlette.concurrency import run_in_threadpool

from greenroom.domain.errors import GreenroomError
from greenroom.domain.work import ENDED
from greenroom.services.discretion import lines_for_all
from greenroom.workflows.progress import Said

LOOK_SECONDS = 0.1
REST_SECONDS = 0.5  # while nothing runs
BEAT_SECONDS = 10.0
"""A comment at least this often, so that a dead connection is noticed at both ends."""

RESTING = frozenset({"waiting", "attention"})
ENDED_STATES = frozenset(s.value for s in ENDED)
SUMMARY = ("state", "step", "direction", "done", "cancel", "error", "release", "not_before", "bakes_until")


@dataclass(frozen=True)
class Position:
    """How far a watcher has come: the last attempt of a step, the last line. Lines count anew in each life."""

    boot: str
    attempt: int = 0
    line: int = 0

    def __str__(self) -> str:
        return f"{self.boot}.{self.attempt}.{self.line}"

    @classmethod
    def parse(cls, text: str | None, boot: str) -> Position:
        """Where to go on; from the start when the text is none of ours."""
        given, _, numbers = (text or "").partition(".")
        attempt, _, line = numbers.partition(".")
        if not (attempt.isdecimal() and line.isdecimal() and len(numbers) < 40):
            return cls(boot)
        return cls(boot, int(attempt), int(line) if given == boot else 0)


async def follow(
    look: Callable[[], dict[str, Any]],
    lines: Callable[[int], list[Said]],
    first: dict[str, Any],
    start: Position,
) -> AsyncIterator[str]:
    """Events until the work ends, or until whoever watches may no longer (`look` raises)."""
    at, work, told, quiet = start, first, None, 0.0
    while True:
        sent = False
        said = lines(at.line) if work["heard"] else lines_for_all(lines(at.line))
        for reached, name, data in _news(at, said, work["history"]):
            at, sent = reached, True
            yield _event(at, name, data)
        summary = [work[name] for name in SUMMARY]
        if summary != told:
            told, sent = summary, True
            yield _event(at, "state", {k: v for k, v in work.items() if k not in ("history", "facts", "steps")})
        if work["state"] in ENDED_STATES:
            yield _event(at, "end", work)
            return
        pause = REST_SECONDS if work["state"] in RESTING else LOOK_SECONDS
        quiet = 0.0 if sent else quiet + pause
        if quiet >= BEAT_SECONDS:
            quiet = 0.0
            yield ": still there\n\n"
        await anyio.sleep(pause)
        try:
            work = await run_in_threadpool(look)
        except GreenroomError as error:
            yield _event(at, "error", error.as_dict())
            return


def _news(
    at: Position, said: list[Said], history: list[dict[str, Any]]
) -> Iterator[tuple[Position, str, dict[str, Any]]]:
    """New lines and new attempts in the order in which they happened, each with the position after it."""
    lines: list[tuple[Any, ...]] = [(s.at, 0, s.number, s) for s in said]
    attempts: list[tuple[Any, ...]] = [
        (h["started_at"] + timedelta(seconds=h["seconds"]), 1, h["id"], h) for h in history if h["id"] > at.attempt
    ]
    for _, is_attempt, number, news in sorted([*lines, *attempts], key=lambda n: n[:3]):
        if is_attempt:
            at = replace(at, attempt=max(at.attempt, number))
            yield at, "step", {k: v for k, v in news.items() if k != "work"}
        else:
            at = replace(at, line=max(at.line, number))
            yield at, "line", {"number": number, "at": news.at, "step": news.step, "text": news.text}


def _event(at: Position, name: str, data: dict[str, Any]) -> str:
    return f"id: {at}\nevent: {name}\ndata: {json.dumps(jsonable_encoder(data), ensure_ascii=False)}\n\n"
