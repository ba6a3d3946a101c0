"""Where tests pull the plug: the points that are asked for, and no others."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from greenroom.workflows.crash import crash_points


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Which process was killed with what, instead of dying."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: found.append((pid, number)))
    return found


def test_nothing_asked_for_kills_nothing(killed: list[tuple[int, int]]) -> None:
    """Without the variables every point is passed."""
    crash_points({})("promotion.switch.after-point")
    assert killed == []


def test_a_point_kills_every_time(killed: list[tuple[int, int]]) -> None:
    """GREENROOM_CRASH_AT is not used up."""
    crash = crash_points({"GREENROOM_CRASH_AT": "b"})
    for point in ("a", "b", "b"):
        crash(point)
    assert killed == [(os.getpid(), signal.SIGKILL)] * 2


def test_a_point_of_a_file_kills_once(killed: list[tuple[int, int]], tmp_path: Path) -> None:
    """It is struck out first, also for the next life; what was passed is written down, in order."""
    plan = tmp_path / "crashes"
    given = {"GREENROOM_CRASH_FILE": str(plan)}
    crash_points(given)("a")  # there need not be a file
    plan.write_text("b\nc\n")
    for life in range(2):
        crash = crash_points(given)
        crash("a")
        crash("b")
        assert len(killed) == 1, f"life {life}"
    assert plan.read_text() == "c\n"
    assert (tmp_path / "crashes.passed").read_text().split() == ["a", "a", "b", "a", "b"]
