"""Staying with work outside a terminal: what is said, and that it is never silent for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from greenroom.cli.events import Event, parse
from greenroom.cli.waiting import Lines


class Log:
    """Whoever reads the log; `clock` moves when told."""

    def __init__(self) -> None:
        self.now, self.said = 0.0, list[str]()
        self.lines = Lines(self.said.append, lambda: self.now)

    def sees(self, *events: Event) -> list[str]:
        """What is said because of these."""
        before = len(self.said)
        for event in events:
            self.lines.see(event)
        return self.said[before:]


def state(step: str, state: str = "active", **more: Any) -> Event:
    work = {"id": "promotion-1", "version": "2.0", "environment": "production", "direction": "forward"}
    return Event("state", {**work, "state": state, "step": step, "bakes_until": None, **more})


BEAT = Event("beat", {})


def test_a_bake_says_when_it_ends_and_then_now_and_then() -> None:
    """At its beginning, and again after half a minute without a word; not at every sign of life."""
    log = Log()
    log.sees(state("switch"))
    end = (datetime.now(UTC) + timedelta(minutes=10, seconds=30)).isoformat()
    (begun,) = log.sees(state("bake", bakes_until=end))
    assert begun.startswith("bake: visitors reach the newer release, the older one stays up")
    assert "it ends by itself in 10 min" in begun
    assert "greenroom finish promotion-1 ends it now" in begun
    said = 0
    for _ in range(12):  # two minutes, a sign of life each ten seconds
        log.now += 10
        told = log.sees(BEAT)
        said += len(told)
        assert all(line.startswith("bake: ") for line in told)
    assert said == 4


def test_any_long_step_is_heard_of() -> None:
    """Also one that says nothing itself, and one that is being undone."""
    log = Log()
    log.sees(state("migrate"))
    log.now = 95
    assert log.sees(BEAT) == ["migrate: still under way after 1 min 35 s"]
    log.sees(state("migrate", direction="backward"))
    log.now = 200
    assert log.sees(BEAT) == ["undo migrate: still under way after 3 min 20 s"]


def test_what_waits_says_for_what() -> None:
    """A gate, or the work that is before it."""
    log = Log()
    log.sees(state("restore-point", "waiting"))
    log.now = 60
    assert log.sees(BEAT) == ["waiting: its gates do not pass yet; greenroom why 2.0 production"]
    log.sees(state("restore-point", "queued"))
    log.now = 120
    assert log.sees(BEAT) == ["queued: it begins when what holds production has ended; greenroom status shows it"]


def test_who_hears_lines_needs_no_sign_of_life() -> None:
    """A step that speaks is not spoken for."""
    log = Log()
    log.sees(state("check"))
    for _ in range(10):
        log.now += 20
        assert log.sees(Event("line", {"step": "check", "text": "ok"})) == ["  check: ok"]
        log.now += 9
        assert log.sees(BEAT) == []


def test_a_comment_of_the_stream_is_a_beat() -> None:
    """As the control plane sends it when nothing happens."""
    lines = [": still there", "", "id: a.1.1", "event: line", 'data: {"text": "x"}', ""]
    assert [e.name for _, e in parse(iter(lines))] == ["beat", "line"]
