"""Rotation keeps the newest, in order, within bounds."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO

import pytest

from greenroom.keeper import logs
from greenroom.keeper.logs import TIMES_BYTES, note, noted, rotate


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    """Nothing happens up to the limit, nor when there is no log."""
    log = tmp_path / "x.log"
    assert not rotate(log, limit=10, keep=3)
    log.write_text("0123456789")
    assert not rotate(log, limit=10, keep=3)


def test_older_logs_move_on_and_the_oldest_goes(tmp_path: Path) -> None:
    """`.1` is the newest; at most `keep` remain; the file itself stays the same file."""
    log = tmp_path / "x.log"
    log.touch()
    inode = log.stat().st_ino
    for number in range(5):
        with log.open("a") as file:
            file.write(f"round {number}\n")
        assert rotate(log, limit=5, keep=2)
    assert (log.stat().st_ino, log.stat().st_size) == (inode, 0)
    assert [(tmp_path / f"x.log.{n}").read_text() for n in (1, 2)] == ["round 4\n", "round 3\n"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2"]


def test_keep_nothing(tmp_path: Path) -> None:
    """With nothing to keep it is only emptied."""
    log = tmp_path / "x.log"
    log.write_text("x" * 100)
    assert rotate(log, limit=5, keep=0)
    assert [p.name for p in tmp_path.iterdir()] == ["x.log"]


def test_notes_tell_when_a_log_grew(tmp_path: Path) -> None:
    """One for each growth, none without; a log that was emptied begins anew, also where that was not seen."""
    log = tmp_path / "x.log"
    assert note(log, 1.0, 0) == 0
    known = 0
    for now, text in ((2.0, "one\n"), (3.0, ""), (4.0, "two\n")):
        with log.open("a") as file:
            file.write(text)
        known = note(log, now, known)
    assert noted(log) == [(4, 2.0), (8, 4.0)]
    log.write_text("x\n")
    assert note(log, 5.0, known) == 2
    assert noted(log) == [(2, 5.0)]
    log.write_text("longer than before\n")
    note(log, 6.0, 0)
    log.write_text("short\n")
    note(log, 7.0, 0)
    assert noted(log) == [(6, 7.0)]


def test_notes_stay_small_and_half_a_note_is_passed_over(tmp_path: Path) -> None:
    """Of too many the newer half is kept; whoever was killed while it wrote one spoils no other."""
    log, known = tmp_path / "x.log", 0
    with log.open("a") as file:
        for number in range(5000):
            file.write("x")
            file.flush()
            known = note(log, float(number), known)
    times = tmp_path / "x.log.times"
    assert times.stat().st_size <= TIMES_BYTES
    assert noted(log)[-1] == (5000, 4999.0)
    with times.open("a") as file:
        file.write("50")
    assert noted(log)[-1] == (5000, 4999.0)


def test_notes_follow_no_link(tmp_path: Path) -> None:
    """The directory may be writable for whoever is logged: what lies there is not written through."""
    log, elsewhere = tmp_path / "x.log", tmp_path / "elsewhere"
    log.write_text("one\n")
    elsewhere.write_text("mine")
    (tmp_path / "x.log.times").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        note(log, 1.0, 0)
    assert (elsewhere.read_text(), noted(log)) == ("mine", [])


@pytest.mark.parametrize("room", range(0, 40, 3))
def test_a_full_disk_costs_the_oldest_logs_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Whatever room is left: the log is bounded again, and what is kept is the newest, whole and in order; nothing is
    moved on twice."""
    log = tmp_path / "x.log"
    (tmp_path / "x.log.1").write_text("round 2\n")
    (tmp_path / "x.log.2").write_text("round 1\n")
    log.write_text("round 3\n")

    def copy(source: BinaryIO, target: BinaryIO, most: int) -> None:
        data = source.read(most)
        used = sum(p.stat().st_size for p in tmp_path.iterdir())
        taken = data[: max(0, 24 + room - used)]
        target.write(taken)
        if len(taken) < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(logs, "_copy", copy)
    assert rotate(log, limit=5, keep=2)
    assert log.stat().st_size == 0
    found = [p.read_text() for p in sorted(tmp_path.glob("x.log.*"))]
    assert found == ["round 3\n", "round 2\n"]


def test_a_disk_without_any_room_costs_the_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be copied: the log is emptied all the same, and no half of a copy stays."""
    log = tmp_path / "x.log"
    log.write_text("round 1\n")
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(logs, "_copy", lambda *_: (_ for _ in ()).throw(full))
    assert rotate(log, limit=5, keep=2)
    assert [(p.name, p.stat().st_size) for p in tmp_path.iterdir()] == [("x.log", 0)]
