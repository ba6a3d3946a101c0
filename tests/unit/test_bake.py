"""When a release counts as worse than the one before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.bake import FLOOR_SECONDS, TAIL_REQUESTS, Limits, Seen, why_failing, why_slower

LIMITS = Limits(max_failed=0.01, max_slower=3.0, min_requests=50)
seen = st.builds(
    Seen,
    requests=st.integers(0, 5000),
    failed=st.integers(0, 5000),
    p50=st.floats(0, 60),
    p99=st.floats(0, 60),
).filter(lambda s: s.failed <= s.requests)


@given(seen)
def test_a_release_is_never_worse_than_itself(found):
    """Equal figures are no reason to go back, whatever they are."""
    assert why_failing(LIMITS, found, found, 0) is None
    assert why_slower(LIMITS, found, found) is None


@given(seen, seen, st.integers(1, 9))
def test_a_process_that_ends_by_itself_is_always_a_reason(before, after, exits):
    """Also without a single request."""
    assert why_failing(LIMITS, before, after, exits) is not None


@given(seen, seen)
def test_too_few_requests_judge_nothing(before, after):
    """Below `min_requests` neither failures nor latencies count."""
    few = Seen(min(after.requests, 49), min(after.failed, 49), after.p50, after.p99)
    assert why_failing(LIMITS, before, few, 0) is None
    assert why_slower(LIMITS, before, few) is None


@pytest.mark.parametrize(("failed", "is_worse"), [(0, False), (2, False), (3, True), (100, True)])
def test_failures_are_compared_with_what_was_there(failed, is_worse):
    """Before: 1 of 100. Allowed: one percent more."""
    told = why_failing(LIMITS, Seen(100, 1), Seen(100, failed), 0)
    assert (told is not None) is is_worse


def test_the_tail_is_compared_only_where_there_is_one():
    """A slowest request among few is no percentile: then the median speaks."""
    few_before, few_after = Seen(100, 0, 0.1, 0.2), Seen(100, 0, 0.1, 9.0)
    assert why_slower(LIMITS, few_before, few_after) is None
    many_before, many_after = Seen(TAIL_REQUESTS, 0, 0.1, 0.2), Seen(TAIL_REQUESTS, 0, 0.1, 9.0)
    assert "p99" in (why_slower(LIMITS, many_before, many_after) or "")


def test_a_few_milliseconds_are_no_reason():
    """From 1 ms to less than the floor is not slower to anybody."""
    assert why_slower(LIMITS, Seen(100, 0, 0.001), Seen(100, 0, FLOOR_SECONDS)) is None
