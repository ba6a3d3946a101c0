"""When a process that ended is started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greenroom.keeper import backoff


def test_it_doubles_from_half_a_second_to_a_minute() -> None:
    """The waits are those that are documented."""
    assert [backoff.delay(n) for n in range(10)] == [0.0, 0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@given(st.integers(0, 10_000))
def test_waits_never_shrink_and_never_exceed_the_longest(failures: int) -> None:
    """However often it failed."""
    assert backoff.delay(failures) <= backoff.delay(failures + 1) <= backoff.LONGEST


@given(st.integers(0, 1000), st.floats(0, 1e9))
def test_a_minute_up_makes_the_next_end_the_first(failures: int, uptime: float) -> None:
    """Only ends that come soon add up."""
    assert backoff.failures_after(failures, uptime) == (1 if uptime >= 60 else failures + 1)
