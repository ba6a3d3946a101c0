"""What the ledger tells of a piece of work, and where its row says something else.

Row and entry change in one transaction, so a row is never behind the ledger. It is ahead of it in this alone: before
it starts, in whether it waits or is queued; while it is under way, in how far it is within its plan (cursor, direction,
attempts, facts) and who carries it out until when. All else of a row must be what the entries about it add up to.

Each entry sets some of what is told; later ones win. `asked_in` and `state_in` are the numbers of the entries that ask
for it and that say how it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenroom.domain.discretion import with_digests
from greenroom.domain.ledger import timestamp
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.work import ENDED, State, Work

Told = Mapping[str, Any]

TABLE = "work"
CONTRADICTED = "work.contradicted"
ASKED = "asked"
"""How work stands that was asked for and has not started."""

KINDS = frozenset(k.value for k in WorkKind)
BESIDE = frozenset({"release", "backup", "drill", "verify", "discovery", "dataset"})
"""Kinds of work that hold no environment, for entries that do not say it."""

STANDS = {
    "started": State.ACTIVE.value,
    "attention": State.ATTENTION.value,
    "done": State.DONE.value,
    "rolled_back": State.ROLLED_BACK.value,
    "rejected": State.REJECTED.value,
    "refused": State.REJECTED.value,
    "cancelled": State.REJECTED.value,
}
"""How work stands after an entry `KIND.WORD`."""

SHOWN = ("kind", "requested_by", "environment", "release", "not_before", "requested_at")
KEPT_TO_ITSELF = ("plan", "request")
"""Columns that were asked for; what the others hold may be long, or say what a program printed."""


@dataclass(frozen=True)
class Compared:
    """A row beside what the ledger tells of it. `has_begun`: something of it may have been carried out."""

    flaws: tuple[str, ...]
    has_begun: bool


def asking(work: Work, **more: Any) -> dict[str, Any]:
    """The subject of the entry that asks for work. `more` is for readers alone."""
    about = {"work": work.id, "environment": work.about, "release": work.release, **work.request, **more}
    asked = {
        "environment": work.environment,
        "release": work.release,
        "request": dict(work.request),
        "plan": work.plan.as_dict(),
        "not_before": _instant(work.not_before),
        "requested_at": _instant(work.requested_at),
    }
    return {"about": about, "asked": asked}


def tells(seq: int, actor: str, event: str, subject: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Which work an entry tells of, and what it sets; None when it tells nothing that a row could contradict."""
    about = subject.get("about")
    if not isinstance(about, Mapping) or not isinstance(about.get("work"), str):
        return None
    noun, _, word = event.rpartition(".")
    told: dict[str, Any] | None = None
    if noun in KINDS and word == "requested":
        told = {
            "kind": noun,
            "requested_by": actor,
            "asked_in": seq,
            **(subject.get("asked") or _formerly(noun, about)),
        }
        told |= {"state": ASKED, "state_in": seq, "error": None, "cancel": None}
    elif noun in KINDS and word in STANDS:
        told = {"state": STANDS[word], "state_in": seq, "error": about.get("error")}
        if (about.get("error") or {}).get("code") == CONTRADICTED:
            told["contradicted_in"] = seq
    elif event == "work.resumed":
        told = {"state": State.ACTIVE.value, "state_in": seq, "contradicted_in": None}
        if about.get("onward"):
            told |= {"end_bake": True, "cancel": None}
    elif event == "work.cancel_requested":
        told = {"cancel": f"{actor}: {about.get('reason')}"}
    elif event == "promotion.bake_ended":
        told = {"end_bake": True}
    elif event == "release.sealed":
        told = {"release": (subject.get("release") or {}).get("id")}
    return None if told is None else (about["work"], told)


def compared(key: str, told: Told | None, row: Mapping[str, Any] | None) -> Compared:
    """`row`: the columns of the row in JSON's values; None: there is none."""
    begun = (told or {}).get("state") in (State.ACTIVE.value, State.ATTENTION.value)
    return Compared(tuple(contradictions(key, told, row)), begun)


def contradictions(key: str, told: Told | None, row: Mapping[str, Any] | None) -> list[str]:
    """How one row differs from what the ledger tells of it, in words, with the entry; empty: it does not."""
    if told is None or "asked_in" not in told:
        return [f"work {key}: {'on the ledger' if row is None else 'in the store'}, but no entry asks for it"]
    if row is None:
        return [f"work {key}: asked for by entry {told['asked_in']}, but missing from the store"]
    return [f"work {key}: {said}" for said in _differences(told, row)]


def _differences(told: Told, row: Mapping[str, Any]) -> Iterator[str]:
    wanted = {**told, "request": {**told["request"], **({"end_bake": True} if told.get("end_bake") else {})}}
    for name in SHOWN:
        if name in wanted and row[name] != wanted[name]:
            yield f"{name} is {row[name]}, entry {told['asked_in']} asks for {wanted[name]}"
    for name in KEPT_TO_ITSELF:
        if not _is(row[name], wanted[name]):
            yield f"{name} is not what entry {told['asked_in']} asks for"
    yield from _standing(told, row)


def _is(kept: Any, told: Any) -> bool:
    """Entries have a digest of what programs said; those of earlier versions the words."""
    return told in (kept, with_digests(kept))


def _standing(told: Told, row: Mapping[str, Any]) -> Iterator[str]:
    state, entry = told["state"], told["state_in"]
    if told.get("contradicted_in"):
        yield f"entry {told['contradicted_in']} set it apart: its row was not what the ledger tells"
    if state == ASKED:
        if row["state"] not in (State.WAITING.value, State.QUEUED.value):
            yield f"it is {row['state']}, but after entry {entry} no entry says that it began"
        elif (row["cursor"], row["direction"], row["facts"], row["started_at"]) != (0, "forward", {}, None):
            yield f"it has come further than entry {entry}, after which no entry says that it began"
    elif row["state"] != state:
        yield f"it is {row['state']}, entry {entry} says {state}"
    elif state == State.ACTIVE.value:
        steps = told["plan"]["steps"]
        if not (0 <= row["cursor"] < len(steps)) or not set(row["facts"]) <= set(steps):
            yield "it stands outside of its plan"
    elif not _is(row["error"], told["error"]):
        yield f"how it ended is not what entry {entry} says"
    # A rollback cancelled checks without an entry once; nothing of a check has to be undone.
    is_over = state in ENDED
    if (row["ended_at"] is not None) != is_over:
        yield f"it has {'no' if is_over else 'an'} end, after entry {entry}"
    if not is_over and row["kind"] != WorkKind.CHECK.value and row["cancel"] != told["cancel"]:
        yield "nobody asked to cancel it" if row["cancel"] else "that it is to be cancelled was taken out"


def _formerly(kind: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry asks for that was written before entries said it in full: no plan has changed since."""
    apart = {"work", "release", "after", *(() if kind in BESIDE - {"release"} else ("environment",))}
    return {
        "environment": None if kind in BESIDE else about.get("environment"),
        "release": about.get("release"),
        "request": {k: v for k, v in about.items() if k not in apart},
        "plan": PLANS[WorkKind(kind)].as_dict(),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)
