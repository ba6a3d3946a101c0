"""When a process that ended is started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greenroom.keeper import backoff
from greenroom.keeper.spec import Spec


def test_it_doubles_from_the_first_wait_to_the_longest() -> None:
    """The waits are those that are documented: half a second to a minute, unless a spec asks for others."""
    assert [backoff.delay(n, 0.5, 60) for n in range(10)] == [0.0, 0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert [backoff.delay(n, 0.05, 5) for n in (0, 1, 2, 9, 10_000)] == [0.0, 0.05, 0.1, 5, 5]
    usual = Spec("one", ("/bin/true",), "/", "/tmp/log")
    assert (usual.first_wait, usual.longest_wait) == (0.5, 60)


@given(st.integers(0, 10_000))
def test_waits_never_shrink_and_never_exceed_the_longest(failures: int) -> None:
    """However often it failed."""
    assert backoff.delay(failures, 0.5, 60) <= backoff.delay(failures + 1, 0.5, 60) <= 60


@given(st.integers(0, 1000), st.floats(0, 1e9))
def test_a_minute_up_makes_the_next_end_the_first(failures: int, uptime: float) -> None:
    """Only ends that come soon add up."""
    assert backoff.failures_after(failures, uptime) == (1 if uptime >= 60 else failures + 1)
