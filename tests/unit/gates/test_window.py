"""Opening hours are right in every zone and through every jump of the clock: checked by reading it each minute."""

from __future__ import annotations

import bisect
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from greenroom.domain.gate import Case, EnvironmentView, Passed, Request, Waiting
from greenroom.domain.kinds import Kind
from greenroom.gates._calendar import Calendar, first_instant, holidays_of, parse_hours
from greenroom.gates.window import GATE, Settings

JUMPS = {
    "Europe/Berlin": [datetime(2026, 3, 29), datetime(2026, 10, 25)],
    "America/New_York": [datetime(2026, 3, 8), datetime(2026, 11, 1)],
    "America/St_Johns": [datetime(2010, 11, 7)],  # at one minute past midnight, back into the day before
    "America/Havana": [datetime(2026, 3, 8), datetime(2026, 11, 1)],  # midnight itself is skipped, and happens twice
    "Australia/Lord_Howe": [datetime(2026, 4, 5), datetime(2026, 10, 4)],  # by half an hour
    "Pacific/Apia": [datetime(2011, 12, 30)],  # a day that never was
    "Asia/Kathmandu": [datetime(2026, 6, 1)],
    "UTC": [datetime(2026, 6, 1)],
}
PLACES = [(zone, day) for zone, days in JUMPS.items() for day in days]
MINUTE = timedelta(minutes=1)
SPAN = 10 * 1440
DAY_TEXTS = ["", "Mon-Fri ", "Sun ", "Sat,Sun ", "Fri-Mon "]
clock_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 10, 15, 30, 45, 59]))
hours_texts = (
    st.tuples(st.sampled_from(DAY_TEXTS), clock_times, clock_times | st.just("24:00"))
    .filter(lambda t: t[1] != t[2])
    .map(lambda t: f"{t[0]}{t[1]}-{t[2]}")
)


@cache
def readings(zone: str, middle: datetime) -> tuple[datetime, list[datetime]]:
    """The first minute, and from it on for ten days the latest time the clock has shown by each minute."""
    start = middle.replace(tzinfo=UTC) - timedelta(days=5)
    shown = (first_reading.replace(tzinfo=None) for first_reading in (
        (start + n * MINUTE).astimezone(ZoneInfo(zone)) for n in range(SPAN)
    ))  # fmt: skip
    return start, list(accumulate(shown, max))


def is_open(texts: list[str], closed: set[date], zone: str, middle: datetime, at: int) -> bool:
    """Whether minute `at` is open, by the rule as it is documented and no other arithmetic."""
    _, shown = readings(zone, middle)

    def reached(day: date, minutes: int) -> int:
        return bisect.bisect_left(shown, datetime.combine(day, time()) + minutes * MINUTE)

    today = middle.date()
    days = [today + timedelta(days=n) for n in range(-7, 8)]
    if any(reached(d, 0) <= at < reached(d + timedelta(days=1), 0) for d in days if d in closed):
        return False
    for hours in map(parse_hours, texts):
        for day in days:
            if (
                day.weekday() in hours.days
                and day not in closed
                and reached(day, hours.start) <= at < reached(day, hours.end)
            ):
                return True
    return False


@settings(max_examples=80)
@given(
    st.sampled_from(PLACES),
    st.lists(hours_texts, min_size=1, max_size=3),
    st.sets(st.integers(-2, 2), max_size=2),
    st.lists(st.integers(2 * 1440, 8 * 1440), min_size=1, max_size=20),
)
def test_open_when_the_clock_says_so(place, texts: list[str], closed_days: set[int], minutes: list[int]) -> None:
    """Open and closed agree with a clock read minute by minute, through gaps, folds and a missing day."""
    zone, middle = place
    closed = {middle.date() + timedelta(days=n) for n in closed_days}
    calendar = Calendar(tuple(map(parse_hours, texts)), ZoneInfo(zone), tuple((d, d) for d in closed))
    start, _ = readings(zone, middle)
    for at in minutes:
        assert (calendar.open_until(start + at * MINUTE) is not None) == is_open(texts, closed, zone, middle, at)


def case_at(now: datetime, not_before: datetime | None = None) -> Case:
    request = Request("promotion", "sha256:1", "production", "rita", "dan", not_before=not_before)
    return Case(request, (EnvironmentView("production", Kind.PRODUCTION),), now)


@settings(max_examples=80)
@given(
    st.sampled_from(PLACES),
    st.lists(hours_texts, min_size=1, max_size=3),
    st.sets(st.integers(-2, 2), max_size=2),
    st.integers(2 * 1440, 6 * 1440),
    st.none() | st.integers(0, 2880),
)
def test_the_moment_it_names_is_open_and_none_before_it(
    place, texts: list[str], closed_days: set[int], at: int, scheduled: int | None
) -> None:
    """At `until` the gate passes; at every minute before it, it does not, nor a microsecond before."""
    zone, middle = place
    now = readings(zone, middle)[0] + at * MINUTE
    closed = tuple((middle.date() + timedelta(days=n)).isoformat() for n in closed_days)
    config = Settings.model_validate({"open": texts, "timezone": zone, "closed": closed})
    not_before = None if scheduled is None else now + scheduled * MINUTE
    verdict = GATE.judge(config, case_at(now, not_before))
    if isinstance(verdict, Passed):
        assert not_before is None or not_before <= now
        return
    assert isinstance(verdict, Waiting)
    assert verdict.until is not None
    assert verdict.until > now
    assert isinstance(GATE.judge(config, case_at(verdict.until, not_before)), Passed)
    wait = min((verdict.until - now) // MINUTE, 3000)
    steps = [now + n * MINUTE for n in range(0, wait, 7)] + [verdict.until - timedelta(microseconds=1)]
    assert not any(isinstance(GATE.judge(config, case_at(t, not_before)), Passed) for t in steps)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00"),  # skipped: the jump
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),  # twice: the first
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),  # the whole day: its successor's midnight
        ("Asia/Kathmandu", "2026-06-01T00:00", "2026-05-31T18:15"),
    ],
)
def test_a_wall_clock_time_is_the_first_instant_that_reads_it(zone: str, wall: str, instant: str) -> None:
    """Skipped times are the moment of the jump, repeated ones their first occurrence."""
    found = first_instant(datetime.fromisoformat(wall), ZoneInfo(zone))
    assert found == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        ({"open": ["Mon-Thu 9-16"]}, "should be days and hours"),
        ({"open": ["Mon 09:00-09:00"]}, "another time than they begin"),
        ({"open": ["Mon 25:00-26:00"]}, "should be days and hours"),
        ({"open": ["Mon 24:00-02:00"]}, "should be days and hours"),
        ({"open": ["Mo 09:00-10:00"]}, "should be days and hours"),
        ({"open": ["Mon 09:00-10:00\n"]}, "should be days and hours"),
        ({"open": "Mon 09:00-10:00"}, "valid tuple"),
        ({"timezone": "Berlin"}, "should be a time zone"),
        ({"timezone": "../../etc/passwd"}, "should be a time zone"),
        ({"timezone": "Europe"}, "should be a time zone"),
        ({"timezone": "\0"}, "should be a time zone"),
        ({"timezone": "\ud800"}, "should be a time zone"),
        ({"holidays": "XX"}, "no holidays are known for XX"),
        ({"holidays": "DE-XX"}, "should be a part of DE"),
        ({"holidays": "germany"}, "should be a country"),
        ({"closed": ["2026-02-30"]}, "should be days of the calendar"),
        ({"closed": ["2026-12-31..2026-12-01"]}, "ends no earlier than it begins"),
        ({"closed": ["today"]}, "should be a day or two"),
        ({"opens": []}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings_: dict[str, object], said: str) -> None:
    """Each wrong setting is a validation error that says what it should be."""
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate(settings_)


def test_holidays_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names are the same whatever language the machine speaks."""
    told = holidays_of("DE", 2026)
    for name in ("LANGUAGE", "LC_ALL", "LANG"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    holidays_of.cache_clear()
    assert holidays_of("DE", 2026) == told
    assert told[date(2026, 10, 3)] == "German Unity Day"
