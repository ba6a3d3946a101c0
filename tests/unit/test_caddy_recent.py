"""Looking at the access log again and again: the same answers as reading it anew, for the price of what is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenroom.adapters.caddy import recent, traffic
from greenroom.adapters.caddy.recent import HORIZON, RecentTraffic
from tests.unit.test_caddy_traffic import START, line


class Log:
    """A growing log, and a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "access.json"
        self.path.unlink(missing_ok=True)
        for old in directory.glob("access-*"):
            old.unlink()
        self.now = 0.0
        self.rotations = 0
        self.recent = RecentTraffic(self.path, lambda: START.timestamp() + self.now)

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def rotate(self) -> None:
        if self.path.exists():
            self.path.rename(self.path.with_name(f"access-2020-{self.rotations:02}.json"))
            self.rotations += 1

    def look(self, back: float, length: float = 1000.0, environment: str = "production") -> None:
        """It tells what reading everything would."""
        since = START + timedelta(seconds=self.now - back)
        until = since + timedelta(seconds=length)
        assert self.recent.report(environment, since, until) == traffic.report(self.path, environment, since, until)


steps = st.one_of(
    st.tuples(st.just("visits"), st.lists(st.tuples(st.floats(0, 1.9), st.sampled_from([200, 500])), max_size=5)),
    st.tuples(st.just("half a line"), st.none()),
    st.tuples(st.just("time"), st.sampled_from([0.5, 1.0, 30.0, 130.0])),
    st.tuples(st.just("rotation"), st.none()),
    st.tuples(st.just("look"), st.sampled_from([0.0, 1.0, 20.0, 60.0, 117.0, 118.0, 119.0, 500.0])),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=40))
def test_it_equals_reading_anew(tmp_path: Path, story: list) -> None:
    """Whatever is written, cut off, rotated or waited for between looks."""
    log, rest = Log(tmp_path), b""
    for what, detail in story:
        if what == "visits":
            log.write(rest)
            rest = b""
            for jitter, status in detail:
                log.write(line(log.now - jitter, status=status))
        elif what == "half a line" and not rest:
            whole = line(log.now)
            rest = whole[30:]
            log.write(whole[:30])
        elif what == "time":
            log.now += detail
        elif what == "rotation" and not rest:  # the edge rotates between lines
            log.rotate()
        elif what == "look":
            log.look(detail)
            log.look(detail, 0.7, "staging")


def test_a_look_reads_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is remembered."""
    log = Log(tmp_path)
    log.now = 50.0
    log.write(b"".join(line(n / 100) for n in range(5000)))
    log.look(45.0)
    looked = 0
    real = traffic.visit

    def counting(text: bytes, environment: str) -> traffic.Visit | None:
        nonlocal looked
        looked += 1
        return real(text, environment)

    monkeypatch.setattr(recent.traffic, "visit", counting)
    log.now = 51.0
    log.write(line(50.5))
    since = START + timedelta(seconds=6)
    found = log.recent.report("production", since, datetime(2100, 1, 1, tzinfo=UTC)).of("r-1")
    assert (found.requests, looked) == (4401, 1)


def test_what_is_old_is_forgotten(tmp_path: Path) -> None:
    """Memory is bounded by the horizon, not by the age of the watch."""
    log = Log(tmp_path)
    for second in range(0, 600, 10):
        log.now = float(second)
        log.write(line(log.now))
        log.look(5.0)
    (follower,) = log.recent._followers.values()
    assert len(follower.visits) <= HORIZON / 10 + 1


def test_a_log_that_was_cut_is_read_anew(tmp_path: Path) -> None:
    """Somebody emptied the file, or the clock went back: no answer is made of what is not there."""
    log = Log(tmp_path)
    log.now = 100.0
    log.write(line(99.0) + line(99.5))
    log.look(10.0)
    log.path.write_bytes(line(99.9))
    log.look(10.0)
    log.now = 40.0
    log.look(10.0)
