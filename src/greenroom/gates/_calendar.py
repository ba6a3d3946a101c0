"""Opening hours as instants: weekdays and wall-clock times in a zone, without holidays and closed days.

The rule for clocks that jump: a wall-clock time means the first instant at which the clock reads it or later. So a
time that a spring night skips is the moment of the jump, and one that an autumn night has twice is its first. A day
lasts from its first midnight to the next day's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES = 1440
SEARCH_DAYS = 400
_DAY = "|".join(DAYS)
_PART = rf"(?:{_DAY})(?:-(?:{_DAY}))?"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
HOURS_PATTERN = rf"^(?:{_PART}(?:,{_PART})* )?{_CLOCK}-(?:{_CLOCK}|24:00)$"
RANGE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:\.\.[0-9]{4}-[0-9]{2}-[0-9]{2})?$"
PLACE_PATTERN = r"^[A-Z]{2,3}(?:-[A-Za-z0-9]{1,20})?$"


@dataclass(frozen=True)
class Hours:
    """Minutes since midnight of the day it opens; `end` past 1440 lies on the next day."""

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True)
class Calendar:
    """When it is open. `closed` are inclusive ranges of days; `place` names whose public holidays are kept."""

    hours: tuple[Hours, ...]
    zone: tzinfo
    closed: tuple[tuple[date, date], ...] = ()
    place: str | None = None

    def why_closed(self, day: date) -> str:
        """The reason why nothing opens on that whole day; empty when its hours apply."""
        if any(first <= day <= last for first, last in self.closed):
            return f"{day} is declared closed"
        holiday = holidays_of(self.place, day.year).get(day) if self.place else None
        return f"{day} is a holiday: {holiday}" if holiday else ""

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """The stretches that open on `day`: first open instant, first closed one; both UTC, by beginning."""
        hours = [h for h in self.hours if day.weekday() in h.days]
        if not hours or self.why_closed(day):
            return []
        over = any(h.end > DAY_MINUTES for h in hours) and self.why_closed(day + timedelta(days=1))
        latest = DAY_MINUTES if over else 2 * DAY_MINUTES
        both = ((self._at(day, h.start), self._at(day, min(h.end, latest))) for h in hours)
        return sorted((start, end) for start, end in both if start < end)

    def open_until(self, at: datetime) -> datetime | None:
        """The first instant after `at` at which it is closed (looked for a week ahead); None: it is closed at `at`."""
        today = at.astimezone(self.zone).date()
        spans = [s for days in range(-2, 9) for s in self.spans(today + timedelta(days=days))]
        end = None
        for start, stop in sorted(spans):
            if start <= (end or at) < stop:
                end = stop
        return end

    def next_opening(self, at: datetime) -> datetime | None:
        """The first instant after `at` at which something opens, at most 400 days on; None: there is none."""
        today = at.astimezone(self.zone).date()
        for days in range(-2, SEARCH_DAYS + 1):
            for start, _ in self.spans(today + timedelta(days=days)):
                if start > at:
                    return start
        return None

    def _at(self, day: date, minutes: int) -> datetime:
        return first_instant(datetime.combine(day, time()) + timedelta(minutes=minutes), self.zone)


def first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant (UTC) at which clocks in `zone` read the naive `wall` or later."""
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _reading(after, zone) == wall:
        return after
    # The clock skips `wall`. Reckoned with the old offset it lies after the jump, with the new one before it.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (before, middle) if _reading(middle, zone) >= wall else (middle, after)
    return after


def _reading(at: datetime, zone: tzinfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def parse_hours(text: str) -> Hours:
    """`Mon-Thu 09:00-16:00`, `Sat,Sun 10:00-12:00`, `22:00-02:00` (every day, into the next). Raises ValueError."""
    if not re.fullmatch(HOURS_PATTERN.strip("^$"), text):
        raise ValueError("should be days and hours, such as `Mon-Thu 09:00-16:00` or `Sat,Sun 22:00-02:00`")
    days, _, clock = text.rpartition(" ")
    start, end = (int(t[:2]) * 60 + int(t[3:]) for t in clock.split("-"))
    if start == end:
        raise ValueError("should be hours that end at another time than they begin; all day is 00:00-24:00")
    return Hours(_days(days), start, end if end > start else end + DAY_MINUTES)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(",") if text else ["Mon-Sun"]:
        first, _, last = part.partition("-")
        a = DAYS.index(first)
        found |= {(a + n) % 7 for n in range((DAYS.index(last or first) - a) % 7 + 1)}
    return frozenset(found)


def parse_range(text: str) -> tuple[date, date]:
    """`2026-12-24`, or `2026-12-20..2027-01-06` with both ends included. Raises ValueError."""
    if not re.fullmatch(RANGE_PATTERN.strip("^$"), text):
        raise ValueError("should be a day or two, such as 2026-12-24 or 2026-12-20..2027-01-06")
    first, _, last = text.partition("..")
    try:
        days = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError as e:
        raise ValueError(f"should be days of the calendar ({e})") from None
    if days[1] < days[0]:
        raise ValueError("should be a range that ends no earlier than it begins")
    return days


@lru_cache(maxsize=64)
def zone_named(key: str) -> tzinfo:
    """The IANA time zone. Raises ValueError for a name this machine's time zone data does not know."""
    if key == "UTC":
        return UTC
    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError):  # unknown; a path; a directory of zones
        raise ValueError("should be a time zone of the IANA database, such as Europe/Berlin or UTC") from None


def checked_place(code: str) -> str:
    """`code` if public holidays are known for it. Raises ValueError."""
    if not re.fullmatch(PLACE_PATTERN.strip("^$"), code):
        raise ValueError("should be a country, such as DE, or a country and its part, such as DE-BY")
    from holidays import list_supported_countries  # a third of a second, for those who keep holidays

    country, _, part = code.partition("-")
    known = list_supported_countries(include_aliases=True)
    if country not in known:
        raise ValueError(f"should be an ISO 3166 country code; no holidays are known for {country}")
    if part and part not in known[country]:
        raise ValueError(f"should be a part of {country}: {', '.join(known[country]) or 'it has none'}")
    return code


@lru_cache(maxsize=256)
def holidays_of(code: str, year: int) -> dict[date, str]:
    """The public holidays of a year, by day, named in English where that is known. Depends on nothing else."""
    from holidays import country_holidays

    country, _, part = code.partition("-")
    known = country_holidays(country, subdiv=part or None)
    language = "en_US" if "en_US" in known.supported_languages else known.default_language  # never the machine's locale
    found: Iterable[tuple[date, str]] = country_holidays(
        country, subdiv=part or None, years=year, expand=False, language=language
    ).items()
    return dict(found)
