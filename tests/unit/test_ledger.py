"""Whatever is done to the entries, verification names the entry where it was done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greenroom.domain.canonical import canonical
from greenroom.domain.ledger import (
    GENESIS,
    Broken,
    Entry,
    Verified,
    append,
    entry_hash,
    parse_timestamp,
    timestamp,
    verify,
)
from tests.unit.test_canonical import texts, values

instants = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
subjects = st.dictionaries(texts, values, max_size=3)
events = st.tuples(instants, texts, texts, subjects)


@st.composite
def ledgers(draw: st.DrawFn, least: int = 1) -> list[Entry]:
    entries: list[Entry] = []
    for at, actor, event, subject in draw(st.lists(events, min_size=least, max_size=6)):
        entries.append(append(entries[-1] if entries else None, at, actor, event, subject))
    return entries


@given(ledgers(least=0))
def test_what_was_appended_holds_together(entries: list[Entry]) -> None:
    """An untouched ledger verifies: all its entries, up to the hash of the last."""
    head = entries[-1].hash if entries else GENESIS
    assert verify(entries) == Verified(len(entries), head)


@given(ledgers(), st.data())
def test_any_change_of_any_field_is_found_where_it_is(entries: list[Entry], data: st.DataObject) -> None:
    """Another number, time, actor, event, subject or hash breaks verification at that very entry."""
    n = data.draw(st.integers(0, len(entries) - 1))
    entry = entries[n]
    name = data.draw(st.sampled_from(["seq", "at", "actor", "event", "subject", "prev", "hash"]))
    other = data.draw(
        {
            "seq": st.integers(),
            "at": instants,
            "actor": texts,
            "event": texts,
            "subject": subjects,
            "prev": texts | st.just(GENESIS),
            "hash": texts | st.just(GENESIS),
        }[name]
    )
    before = getattr(entry, name)
    assume(canonical(other) != canonical(before) if name == "subject" else other != before)
    changed = [*entries[:n], replace(entry, **{name: other}), *entries[n + 1 :]]
    found = verify(changed)
    assert isinstance(found, Broken)
    assert found.seq == n + 1


@given(ledgers(), st.data())
def test_a_change_that_is_hashed_again_is_found_at_the_next(entries: list[Entry], data: st.DataObject) -> None:
    """Who also recomputes the entry's own hash is found by the entry after it; at the end, by the exported head."""
    n = data.draw(st.integers(0, len(entries) - 1))
    old = entries[n]
    actor = old.actor + "x"
    forged = replace(old, actor=actor, hash=entry_hash(old.seq, old.at, actor, old.event, old.subject, old.prev))
    found = verify([*entries[:n], forged, *entries[n + 1 :]])
    if n + 1 < len(entries):
        assert isinstance(found, Broken)
        assert found.seq == n + 2
    else:
        assert found != verify(entries)


@given(ledgers(least=2), st.data())
def test_a_missing_entry_is_found(entries: list[Entry], data: st.DataObject) -> None:
    """Removing any entry but the last breaks verification where it was; cutting the end changes the head."""
    n = data.draw(st.integers(0, len(entries) - 1))
    found = verify(entries[:n] + entries[n + 1 :])
    if n == len(entries) - 1:
        assert found == Verified(n, entries[n - 1].hash)
        assert found != verify(entries)
    else:
        assert isinstance(found, Broken)
        assert found.seq == n + 1


@given(ledgers(), ledgers(), st.data())
def test_an_added_entry_is_found(entries: list[Entry], others: list[Entry], data: st.DataObject) -> None:
    """An entry put in between, its own or another ledger's, is found there or right after it."""
    n = data.draw(st.integers(0, len(entries) - 1))
    added = data.draw(st.sampled_from(entries + others))
    found = verify([*entries[:n], added, *entries[n:]])
    assert isinstance(found, Broken)
    assert found.seq in (n + 1, n + 2)


@given(ledgers(least=2), st.data())
def test_another_order_is_found(entries: list[Entry], data: st.DataObject) -> None:
    """Any permutation but the original breaks at the first entry out of place."""
    order = data.draw(st.permutations(range(len(entries))))
    assume(order != list(range(len(entries))))
    found = verify([entries[i] for i in order])
    assert isinstance(found, Broken)
    assert found.seq == 1 + next(n for n, i in enumerate(order) if n != i)


@pytest.mark.parametrize(
    "subject",
    [{"n": float("nan")}, {"n": 2**53}, {"n": "\ud800"}, {"n": object()}, {1: "a"}, {"n": [{1, "a"}]}],
)
def test_contents_that_have_no_form_are_a_break_not_a_crash(subject: dict[Any, Any]) -> None:
    """An entry somebody put something impossible into is named like any other that was changed."""
    entry = append(None, datetime(2026, 1, 1, tzinfo=UTC), "mia", "released", {"n": 1})
    found = verify([replace(entry, subject=subject)])
    assert isinstance(found, Broken)
    assert found.seq == 1


def test_a_time_without_zone_is_refused() -> None:
    """What a naive time means depends on the machine, so none enters the ledger, and one found there is a break."""
    with pytest.raises(ValueError, match="time zone"):
        append(None, datetime(2026, 1, 1), "mia", "released", {})
    entry = append(None, datetime(2026, 1, 1, tzinfo=UTC), "mia", "released", {})
    assert isinstance(verify([replace(entry, at=datetime(2026, 1, 1))]), Broken)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_a_timestamp_is_the_instant(naive: datetime, offset: int) -> None:
    """Any zone's time becomes the same UTC text, to the microsecond, and reads back as the same instant."""
    at = naive.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=offset)))
    text = timestamp(at)
    assert text == timestamp(naive.replace(tzinfo=UTC))
    assert parse_timestamp(text) == at
    assert len(text) == 27


@given(instants, instants)
def test_timestamps_sort_as_text(a: datetime, b: datetime) -> None:
    """Text order is the order in time."""
    assert (timestamp(a) < timestamp(b)) == (a < b)


def test_an_entry_tells_all_of_itself() -> None:
    """`as_dict` has every field, JSON-ready, and its hash can be computed from it."""
    entry = append(None, datetime(2026, 1, 1, tzinfo=UTC), "mia", "released", {"release": "sha256:1"})
    told = entry.as_dict()
    assert told["at"] == "2026-01-01T00:00:00.000000Z"
    at = parse_timestamp(told["at"])
    assert entry_hash(told["seq"], at, told["actor"], told["event"], told["subject"], told["prev"]) == told["hash"]
