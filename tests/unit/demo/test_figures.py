"""What a record of traffic says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.demo.figures import (
    Log,
    Mark,
    Visit,
    by_phase,
    failures,
    figures,
    percentile,
    production_traffic,
    read_log,
)

seconds = st.floats(0, 60, allow_nan=False)


def visit(at: float, took: float = 0.01, failed: bool = False) -> Visit:
    return Visit(at, took, "home", 500 if failed else 200, failed, "answered 500" if failed else "")


@given(st.lists(seconds, min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_one_of_the_values_and_the_smallest_that_covers_the_share(values, share) -> None:
    """At least `share` of the values do not exceed it, and with any smaller value that would not hold."""
    found = percentile(values, share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values) - 1e-9
    assert sum(v < found for v in values) < share * len(values) + 1e-9


@given(st.lists(seconds), st.lists(seconds, min_size=1))
def test_every_request_is_in_exactly_one_phase(ats, marks) -> None:
    """Phases divide the requests; each is in the phase whose mark came last before it."""
    log = Log(tuple(visit(a) for a in ats), tuple(Mark(m, f"p{n}") for n, m in enumerate(marks)), True)
    phases = by_phase(log)
    assert sorted(v.at for seen in phases.values() for v in seen) == sorted(ats)
    for name, seen in phases.items():
        for v in seen:
            before = [m for m in log.marks if m.at <= v.at]
            assert (max(m.at for m in before) if before else None) == (
                next(m.at for m in log.marks if m.name == name) if name else None
            )


def test_a_phase_that_comes_back_is_one_phase() -> None:
    """Steady before and steady after count together."""
    log = Log((visit(1), visit(3), visit(5)), (Mark(0, "steady"), Mark(2, "switch"), Mark(4, "steady")), True)
    assert [v.at for v in by_phase(log)["steady"]] == [1, 5]


def test_the_steady_latency_leaves_changes_out() -> None:
    """`steady_p99_ms` is of the steady phase alone, `p99_ms` of everything but the wait that was asked for."""
    marks = (Mark(0, "steady"), Mark(2, "switch"), Mark(4, "contraction"))
    log = Log((visit(1, 0.010), visit(3, 0.500), visit(5, 4.0)), marks, True)
    assert production_traffic(log) == {
        "requests": 3,
        "failed": 0,
        "p50_ms": 10.0,
        "p99_ms": 500.0,
        "steady_p99_ms": 10.0,
        "held_max_ms": 4000.0,
    }


def test_nothing_measured_is_said_to_be_nothing() -> None:
    """Without requests there are no latencies, rather than zeros."""
    assert production_traffic(Log((), (), True)) == {
        "requests": 0,
        "failed": 0,
        "p50_ms": None,
        "p99_ms": None,
        "steady_p99_ms": None,
        "held_max_ms": None,
    }


def test_failures_are_told_in_the_order_they_happened() -> None:
    """Each with its moment, phase and reason; no more than asked for."""
    log = Log((visit(5, failed=True), visit(1, failed=True), visit(2)), (Mark(0, "a"), Mark(3, "b")), True)
    assert failures(log) == ["1.00 s (a): home: answered 500", "5.00 s (b): home: answered 500"]
    assert len(failures(log, most=1)) == 1
    assert figures(log.visits).failed == 2


def test_a_record_that_was_cut_off_is_read_up_to_there() -> None:
    """A last line without its end does not count, and the record says that it did not end."""
    line = {"at": 1, "seconds": 0.1, "kind": "home", "status": 200, "failed": False, "error": ""}
    whole = [json.dumps({"at": 0, "mark": "start"}) + "\n", json.dumps(line) + "\n"]
    assert read_log([*whole, '{"at": 2, "sec']) == Log((Visit(**line),), (Mark(0, "start"),), False)
    assert read_log([*whole, json.dumps({"at": 3, "end": True}) + "\n"]).ended


def test_a_line_of_something_else_is_an_error() -> None:
    """A file that is not a record is not read as one."""
    with pytest.raises(ValueError, match="not a line"):
        read_log(['{"at": 1, "what": 2}\n'])
