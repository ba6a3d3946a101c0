"""Durable work as a trace: one trace per work, one span per attempt of a step, made from what the store remembers.

Identifiers are hashes of the work's and the line's own, so a span that is told twice, by a control plane that was
killed between telling and noting it, is the same span. Sizes: https://www.w3.org/TR/trace-context/ (128 and 64 bits).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from greenroom.domain.work import State, Work

Attribute = str | int | float | bool
LONGEST = 500
GOOD = frozenset({"done", "again"})

_CODE = re.compile(r"^code:\s+(\S+)$", re.MULTILINE)
_NEXT = re.compile(r"^next:\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Span:
    """A stretch of work. `problem` is what went wrong in one line, "" when nothing did."""

    trace_id: int
    span_id: int
    parent_id: int | None
    name: str
    started: datetime
    ended: datetime
    attributes: Mapping[str, Attribute]
    problem: str = ""


def trace_id(work_id: str) -> int:
    """128 bits; the logs of the work carry it too, as 32 hexadecimal digits."""
    return _number(work_id, 16)


def of_step(work: Work, line: Mapping[str, Any], facts: Mapping[str, Any]) -> Span:
    """One line of history. `facts` are what the step recorded; only plain values are told, nothing nested."""
    detail, outcome = str(line["detail"]), str(line["outcome"])
    attributes = {
        **_about(work),
        "greenroom.step": str(line["step"]),
        "greenroom.direction": str(line["direction"]),
        "greenroom.attempt": int(line["attempt"]),
        "greenroom.outcome": outcome,
        **{f"greenroom.fact.{k}": _short(v) for k, v in facts.items() if isinstance(v, Attribute)},
        **_found("error.type", _CODE, detail),
        **_found("greenroom.next", _NEXT, detail),
    }
    problem = "" if outcome in GOOD else detail.partition("\n")[0][:LONGEST] or outcome
    ended = line["started_at"] + timedelta(seconds=line["seconds"])
    undo = "undo " if line["direction"] == "backward" else ""
    return Span(
        trace_id(work.id),
        _number(f"{work.id}/{line['id']}", 8),
        _root(work),
        f"{undo}{line['step']}",
        line["started_at"],
        ended,
        attributes,
        problem,
    )


def of_work(work: Work) -> Span:
    """The whole of a work that ended, from the moment it was asked for: waiting is part of the story."""
    error = work.error or {}
    attributes: dict[str, Attribute] = {**_about(work), "greenroom.outcome": work.state.value}
    attributes |= {k: _short(str(error[key])) for k, key in _ERROR.items() if error.get(key)}
    problem = ""
    if work.state is not State.DONE:
        problem = str(error.get("message") or work.cancel or work.state.value)[:LONGEST]
    ended = work.ended_at or work.requested_at
    name = f"{work.kind} {work.about}" if work.about else str(work.kind)
    return Span(trace_id(work.id), _root(work), None, name, work.requested_at, ended, attributes, problem)


_ERROR = {"error.type": "code", "greenroom.next": "next"}


def _about(work: Work) -> dict[str, Attribute]:
    told: dict[str, Attribute] = {
        "greenroom.work": work.id,
        "greenroom.kind": work.kind.value,
        "greenroom.requested_by": work.requested_by,
    }
    if work.about:
        told["greenroom.environment"] = work.about
    if work.release:
        told["greenroom.release"] = work.release
    return told


def _found(name: str, pattern: re.Pattern[str], detail: str) -> dict[str, Attribute]:
    """The last match: what a program said stands before it."""
    found = pattern.findall(detail)
    return {name: _short(found[-1])} if found else {}


def _root(work: Work) -> int:
    return _number(f"{work.id}/", 8)


def _number(text: str, size: int) -> int:
    """Never 0, which stands for "no identifier"."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "big") or 1


def _short(value: Attribute) -> Attribute:
    return value[:LONGEST] if isinstance(value, str) else value
