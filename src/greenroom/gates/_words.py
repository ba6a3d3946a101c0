"""How gates say things, so that every line of the checklist speaks alike. No gate of its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from greenroom.domain.gate import Case, who_may_override
from greenroom.domain.names import short

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_SHOWN = 5


def span(delta: timedelta) -> str:
    """`9 days`, `14 days 3 hours`, `40 seconds`: the two greatest units, rounded down."""
    left = max(0, int(delta.total_seconds()))
    parts = []
    for name, size in _UNITS:
        count, left = divmod(left, size)
        parts.append(f"{count} {name}{'' if count == 1 else 's'}" if count else "")
    first = next((i for i, p in enumerate(parts) if p), len(parts) - 1)
    return " ".join(p for p in parts[first : first + 2] if p) or "0 seconds"


def moment(at: datetime, zone: tzinfo = UTC) -> str:
    """`Mon 2026-11-23 09:00 UTC`, in the zone's own time."""
    return at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M %Z")


def listed(items: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; empty for nothing."""
    *head, tail = list(items) or [""]
    return f"{', '.join(head)} {last} {tail}" if head else tail


def sentences(items: Iterable[str]) -> str:
    """Findings one after the other, at most five; how many more there are is said."""
    found = list(items)
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "; ".join(found[:_SHOWN] + more)


def by_override(gate: str, case: Case) -> str:
    """Who may set the gate aside for this case, and how."""
    target, release = case.target, short(case.request.release)
    command = f"greenroom override {gate} {release} {target.name} --reason WHY"
    return f"{who_may_override(target.kind)} overrides it: {command}"
