"""Rotation keeps the newest, in order, within bounds."""

from __future__ import annotations

from pathlib import Path

from greenroom.keeper.logs import rotate


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
