"""Staying with a piece of work until it ends: live on a terminal, line by line elsewhere, silent for machines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from greenroom.cli.command import Session
from greenroom.cli.events import Event, follow
from greenroom.domain.errors import Errored, GreenroomError, Refused, from_dict
from greenroom.terminal.screen import console, is_unicode, marks
from greenroom.terminal.words import duration, json_text, one_line, plain, until
from greenroom.terminal.work import marked, title, under_way

ENDED_WELL = "done"
SILENCE_SECONDS = 30.0
"""Whoever reads a log is told at least so often that the work is still there."""


def wait(session: Session, work: dict[str, Any], *, wanted: str = ENDED_WELL, replay: bool = True) -> int:
    """Show the work until it ended or needs a person; the exit code: 0 if it ended as `wanted`, 1 if the answer was no
    or it was cancelled, 2 when what was given could not be understood, 3 when it could not be told or needs a person.

    `replay` False leaves out what happened before. Ctrl-C stops watching and nothing else.
    """
    final = until_ended(session, work, replay=replay)
    return 130 if final is None else conclude(session, final, wanted)


def until_ended(session: Session, work: dict[str, Any], *, replay: bool = True) -> dict[str, Any] | None:
    """Show the work until it ended or needs a person; the work as it is then, None when somebody stopped watching."""
    try:
        return _watch(session, work, replay)
    except KeyboardInterrupt:
        session.say(f"\nstopped watching; the work goes on: greenroom work show {work['id']}")
        return None


def conclude(session: Session, final: dict[str, Any], wanted: str = ENDED_WELL) -> int:
    """Say how it ended."""
    if session.as_json:
        sys.stdout.write(json_text(final, indent=2) + "\n")
    if final["state"] == wanted:
        session.say(f"{final['state'].replace('_', ' ')} in {duration(final['seconds'])}")
        return 0
    raise failure(final)


def failure(work: dict[str, Any]) -> GreenroomError:
    """The error that a piece of work ended with, in the form every command has."""
    told = {"outcome": Refused.word, **(work["error"] or {})}
    if told["outcome"] == "cancelled":
        told |= {
            "outcome": Refused.word,
            "code": "work.cancelled",
            "message": f"{title(work)} was cancelled",
            "because": told.get("message", ""),
        }
    told.setdefault("code", f"work.{work['state']}")
    told.setdefault("message", f"{work['id']} ended: {work['state'].replace('_', ' ')}")
    known = from_dict(told)
    facts = {**known.facts, "work": work["id"], "state": work["state"]}
    kind = Errored if work["state"] == "attention" else type(known)
    hint = known.hint or f"greenroom work show {work['id']}"
    if work["state"] == "attention":
        hint += f"; then greenroom resume {work['id']}"
    return kind(known.code, known.message, because=known.because, hint=hint, facts=facts)


def _watch(session: Session, work: dict[str, Any], replay: bool) -> dict[str, Any]:
    """Follow it; the work as it is at the end. What happened before comes ahead of the first state; a way back that had
    begun by then is news all the same."""
    with _screen(session, work) as see:
        for event in follow(session.client, work["id"]):
            if event.name == "end":
                return event.data
            replay = replay or event.name == "state" or event.data.get("direction") == "backward"
            if replay:
                see(event)
            if event.name == "state" and event.data["state"] == "attention":  # it ends only when a person acts
                break
    found: dict[str, Any] = session.client.get("work", work["id"])
    return found


@contextmanager
def _screen(session: Session, work: dict[str, Any]) -> Iterator[Callable[[Event], None]]:
    if session.as_json:
        yield lambda event: None
    elif sys.stderr.isatty() and sys.stdout.isatty():
        with _live(work) as see:
            yield see
    else:
        yield Lines(session.say).see


@contextmanager
def _live(work: dict[str, Any]) -> Iterator[Callable[[Event], None]]:
    from rich.live import Live

    screen = console(sys.stderr)
    board = Board(work)
    with Live(console=screen, refresh_per_second=8, transient=False, get_renderable=board.drawn) as live:

        def see(event: Event) -> None:
            note = board.take(event)
            if note:
                live.console.print(note)

        yield see
        live.refresh()


class Board:
    """What the live picture is drawn from."""

    def __init__(self, work: dict[str, Any]) -> None:
        self._work = work
        self._seconds: dict[str, float] = {}
        self._attempts: list[dict[str, Any]] = []
        self._said = ""
        self._signs = marks(is_unicode(sys.stderr))
        self._step_since = time.monotonic()

    def take(self, event: Event) -> str | None:
        """Take it in; a line that should stay above the picture, if any."""
        if event.name == "state":
            if event.data["step"] != self._work["step"]:
                self._step_since = time.monotonic()
            self._work = event.data
        elif event.name == "line":
            self._said = one_line(event.data["text"])
        elif event.name == "step":
            step = event.data
            self._attempts.append(step)
            if step["direction"] == "forward":
                self._seconds[step["step"]] = self._seconds.get(step["step"], 0.0) + step["seconds"]
            self._said = ""
            return note_of(event)
        return None

    def drawn(self) -> Any:
        from greenroom.terminal.work import plan

        seconds = dict(self._seconds)
        if self._work["state"] == "active" and self._work["step"]:
            seconds[self._work["step"]] = time.monotonic() - self._step_since
        said = f"ends by itself {until(self._work['bakes_until'])}" if self._work["bakes_until"] else self._said
        return plan(self._work, seconds, said, self._signs, marked(self._attempts))


class Lines:
    """The same for a log file: one line for each step that ended, and for what it said; one now and then while nothing
    is said, so that silence means nobody is there."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._told, self._clock = say, clock
        self._work: dict[str, Any] = {}
        self._said_at = self._step_since = clock()

    def _say(self, line: str) -> None:
        self._told(line)
        self._said_at = self._clock()

    def see(self, event: Event) -> None:
        data = event.data
        if event.name == "beat":
            if self._work and self._clock() - self._said_at >= SILENCE_SECONDS:
                self._say(under_way(self._work, self._clock() - self._step_since))
        elif event.name == "line":
            self._say(f"  {data['step']}: {plain(data['text'])}")
        elif event.name == "step":
            undo = "undo " if data["direction"] == "backward" else ""
            self._say(f"{undo}{data['step']}  {data['outcome']}  {duration(data['seconds'])}")
            if note := note_of(event):
                self._say(note)
        elif event.name == "state":
            before, self._work = self._work, data
            if data["step"] != before.get("step"):
                self._step_since = self._clock()
            if data["state"] != before.get("state"):
                self._say(f"{data['id']}  {data['state'].replace('_', ' ')}")
            if data["bakes_until"] and data["bakes_until"] != before.get("bakes_until"):
                self._say(under_way(data, 0.0))


def note_of(event: Event) -> str | None:
    """What a person is waiting to hear most: visitors are back where they were."""
    step = event.data
    if step["step"] == "switch" and step["direction"] == "backward" and step["outcome"] == "done":
        return "visitors are back where they were"
    if step["outcome"] in ("failed", "errored"):
        return f"{step['step']} {step['outcome']}: {one_line(step['detail'])[:200]}"
    return None
