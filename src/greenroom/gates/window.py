"""Production changes when somebody is there: within opening hours, and not before it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from greenroom.domain.gate import Case, GateConfig, Passed, Refused, Verdict, Waiting
from greenroom.domain.kinds import Kind
from greenroom.gates._calendar import (
    HOURS_PATTERN,
    PLACE_PATTERN,
    RANGE_PATTERN,
    SEARCH_DAYS,
    Calendar,
    checked_place,
    parse_hours,
    parse_range,
    zone_named,
)
from greenroom.gates._words import by_override, listed, moment

ALWAYS = "00:00-24:00"


def _kept(check: Callable[[str], object]) -> AfterValidator:
    """Keep the text as it was written once `check` raised nothing."""

    def kept(text: str) -> str:
        check(text)
        return text

    return AfterValidator(kept)


HoursText = Annotated[str, _kept(parse_hours), Field(json_schema_extra={"pattern": HOURS_PATTERN})]
RangeText = Annotated[str, _kept(parse_range), Field(json_schema_extra={"pattern": RANGE_PATTERN})]
ZoneText = Annotated[str, _kept(zone_named)]
PlaceText = Annotated[str, _kept(checked_place), Field(json_schema_extra={"pattern": PLACE_PATTERN})]


class Settings(GateConfig):
    """When the environment may be changed. With nothing set, at any time; a schedule is kept in any case."""

    open: tuple[HoursText, ...] = Field(
        (),
        max_length=50,
        description="Opening hours, such as `Mon-Thu 09:00-16:00`; several add up, hours without days are for every"
        " day, and `22:00-02:00` ends on the next day. With none it is open all day.",
    )
    timezone: ZoneText = Field("UTC", description="The IANA time zone of the hours and days, such as `Europe/Berlin`.")
    holidays: PlaceText | None = Field(
        None, description="Whose public holidays are closed days: a country (`DE`) or a part of one (`DE-BY`)."
    )
    closed: tuple[RangeText, ...] = Field(
        (),
        max_length=200,
        description="Further closed days: `2026-12-24`, or `2026-12-20..2027-01-06` with both ends.",
    )

    def calendar(self) -> Calendar:
        return _calendar(self.open or (ALWAYS,), self.timezone, self.closed, self.holidays)


@lru_cache(maxsize=256)
def _calendar(hours: tuple[str, ...], zone: str, closed: tuple[str, ...], place: str | None) -> Calendar:
    return Calendar(tuple(map(parse_hours, hours)), zone_named(zone), tuple(map(parse_range, closed)), place)


class WindowGate:
    """It is open now, and not earlier than the time the promotion was scheduled for.

    A closed day is closed from midnight to midnight: nothing opens on it, and a night that began before ends there.
    """

    name = "window"
    title = "Within opening hours"
    Config: type[GateConfig] = Settings
    for_rollback = False
    overridable = True
    codes: Mapping[str, str] = {
        "gate.window_never_opens": f"the hours leave nothing open for the next {SEARCH_DAYS} days",
        "gate.window_too_far": f"the promotion is scheduled more than {SEARCH_DAYS} days ahead",
    }

    def default(self, kind: Kind) -> Settings:
        return Settings()

    def judge(self, config: Settings, case: Case) -> Verdict:
        wanted, calendar = case.request.not_before, config.calendar()
        if wanted is not None and wanted - case.now > timedelta(days=SEARCH_DAYS):
            return Refused(
                f"it is scheduled for {wanted.isoformat()}, more than {SEARCH_DAYS} days ahead",
                f"{case.request.requested_by} schedules it for an earlier day",
                "gate.window_too_far",
            )
        start = max(case.now, wanted or case.now).astimezone(UTC)
        closes = calendar.open_until(start)
        if closes is None:
            return _closed(config, case, calendar, start)
        if start > case.now:
            return _scheduled(config, case, start)
        if closes - start < timedelta(days=7):
            return Passed(f"open until {moment(closes, calendar.zone)}")
        return Passed("open for the next week" if config.open else "no opening hours are set")


def _scheduled(config: Settings, case: Case, start: datetime) -> Verdict:
    at = moment(start, zone_named(config.timezone))
    return Waiting(
        f"it is scheduled for {at}",
        f"it starts by itself then; {case.request.requested_by} may cancel it and ask again",
        start,
    )


def _closed(config: Settings, case: Case, calendar: Calendar, start: datetime) -> Verdict:
    target, override = case.target, by_override("window", case)
    hours = listed(config.open) or "on every day that is not closed"
    when = f"at {moment(start, calendar.zone)}" + (", for which it is scheduled" if start > case.now else "")
    holiday = calendar.why_closed(start.astimezone(calendar.zone).date())
    because = f"{target.name} is closed {when} ({holiday or f'open {hours}'})"
    opens = calendar.next_opening(start)
    if opens is None:
        return Refused(
            f"{because}, and nothing opens within {SEARCH_DAYS} days",
            f"an administrator corrects gates.window of {target.name}; or {override}",
            "gate.window_never_opens",
        )
    return Waiting(because, f"it opens by itself at {moment(opens, calendar.zone)}; or {override}", opens)


GATE = WindowGate()
