"""Tells what happened to those who watch from outside: counts it, and hands traces over.

Everything comes from the store, where it is written in the same transaction as the work itself, so nothing is missed
by a control plane that was killed. A place in history and ledger is noted after spans were handed over: each is told
at least once. Whatever breaks here, work goes on.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from greenroom.domain import trace
from greenroom.domain.discretion import without_words
from greenroom.domain.errors import Errored
from greenroom.domain.ledger import Entry
from greenroom.domain.plan import WorkKind
from greenroom.domain.trace import Span
from greenroom.domain.work import ENDED, Work, back_off
from greenroom.ports.telemetry import Traces
from greenroom.services.app import App
from greenroom.store import tables

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
AT_ONCE = 500
KINDS = frozenset(k.value for k in WorkKind)


@dataclass(frozen=True)
class Place:
    """The last line of history and the last ledger entry that were seen."""

    line: int
    entry: int


@dataclass(frozen=True)
class News:
    """What came after a place, and the place after it."""

    lines: list[tuple[Work, Mapping[str, Any]]]
    entries: list[tuple[Work | None, Entry]]
    place: Place


class Teller:
    """A thread that looks every second. `noted` is the file that remembers what was handed over."""

    def __init__(self, app: App, traces: Traces, noted: Path) -> None:
        self._app = app
        self._traces = traces
        self._noted = noted
        self._counted: Place | None = None
        self._told = Place(0, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="telling", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """After a last look."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def look(self) -> bool:
        """Count and tell what is new; True when there may be more. What was told is counted: it is read first. Raises
        what the store raises, and Errored (`telemetry.unavailable`)."""
        if self._counted is None:
            self._counted, self._told = self._begin()
        fresh = self._news(self._told)
        news = self._news(self._counted)
        self._count(news)
        self._counted = news.place
        spans = [*_of_steps(fresh), *_of_works(fresh)]
        if spans:
            self._traces.tell(spans)
        if fresh.place != self._told:
            self._note(fresh.place)
        return AT_ONCE in (len(fresh.lines), len(fresh.entries), len(news.lines), len(news.entries))

    def _loop(self) -> None:
        misses = 0
        while True:
            last = self._stop.is_set()
            try:
                more = self.look()
                misses = 0
            except (SQLAlchemyError, Errored, OSError) as e:
                more, misses = False, misses + 1
                log.warning("telemetry.not_told", error=str(e)[:500], next_try=back_off(misses))
            except Exception:  # a defect of ours ends neither this thread nor anything else
                more, misses = False, misses + 1
                log.exception("telemetry.broke", next_try=back_off(misses))
            if last:
                return
            if not more:
                self._stop.wait(back_off(misses) if misses else LOOK_SECONDS)

    # --- reading -----------------------------------------------------------------------------------

    def _begin(self) -> tuple[Place, Place]:
        """Where to count from, which is now, and where to tell from: where the last control plane stopped. A home that
        never told anything begins with what comes, as does one whose store is older than its note."""
        with self._app.world.store.database.reading() as tx:
            line = tx.scalar(select(func.max(tables.history.c.id))) or 0
            end = Place(line, self._app.world.store.recorder.count(tx))
        noted = self._read_note()
        if noted is None or noted.line > end.line or noted.entry > end.entry:
            self._note(end)
            return end, end
        return end, noted

    def _news(self, place: Place) -> News:
        store = self._app.world.store
        with store.database.reading() as tx:
            lines = store.works.history_after(tx, place.line, AT_ONCE)
            entries = list(store.recorder.entries(tx, after=place.entry, limit=AT_ONCE))
            ids = {str(line["work"]) for line in lines} | {i for e in entries if (i := _work_of(e))}
            works = {i: found for i in ids if (found := store.works.get(tx, i))}
        line = lines[-1]["id"] if lines else place.line
        entry = entries[-1].seq if entries else place.entry
        return News(
            [(works[x["work"]], x) for x in lines if x["work"] in works],
            [(works.get(_work_of(e)), e) for e in entries],
            Place(line, entry),
        )

    def _read_note(self) -> Place | None:
        try:
            found = json.loads(self._noted.read_text())
            return Place(int(found["line"]), int(found["entry"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def _note(self, place: Place) -> None:
        temporary = self._noted.with_name(self._noted.name + ".new")
        temporary.write_text(json.dumps({"line": place.line, "entry": place.entry}))
        temporary.replace(self._noted)
        self._told = place

    # --- counting ----------------------------------------------------------------------------------

    def _count(self, news: News) -> None:
        tally = self._app.tally
        for work, line in news.lines:
            tally.step(work.kind.value, line)
        for _, entry in news.entries:
            kind, _, word = entry.event.partition(".")
            if kind not in KINDS:
                continue
            about = entry.subject.get("about") or {}
            environment = str(about.get("environment") or "")
            if word in ENDING:
                tally.ended(kind, environment, word)
            if word == "refused":
                for gate in _gates(about):
                    tally.refused(gate, environment)


ENDING = frozenset({*(s.value for s in ENDED), "attention", "refused", "cancelled"})
"""Words of the ledger after which a work stands still."""


def _of_steps(news: News) -> Iterator[Span]:
    for work, line in news.lines:
        facts = work.facts.get(line["step"]) if line["direction"] == "forward" else None
        yield trace.of_step(work, line, without_words(facts) if isinstance(facts, Mapping) else {})


def _of_works(news: News) -> Iterator[Span]:
    for work, entry in news.entries:
        kind, _, word = entry.event.partition(".")
        if work is not None and kind == work.kind and word in ENDING and work.state in ENDED:
            yield trace.of_work(work)


def _work_of(entry: Entry) -> str:
    about = entry.subject.get("about")
    return str(about.get("work") or "") if isinstance(about, Mapping) else ""


def _gates(about: Mapping[str, Any]) -> list[str]:
    """The gates that refused, from the checklist an entry carries."""
    decision = about.get("decision") or (about.get("error") or {}).get("facts") or {}
    lines = decision.get("lines") or []
    return [str(x["gate"]) for x in lines if x.get("verdict") == "refused" and not x.get("overridden_by")]
