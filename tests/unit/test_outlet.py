"""A log that cannot be written ends nobody, and says later what is missing."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from greenroom.adapters.telemetry.outlet import Outlet


class Full:
    """The system's `write` for a disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._write = os.write

    def __call__(self, descriptor: int, data: bytes) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = data[: self.room]
        self.room -= len(taken)
        return self._write(descriptor, taken)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Full:
    made = Full(room=1 << 20)
    monkeypatch.setattr(os, "write", made)
    return made


def test_what_a_full_disk_did_not_take_is_counted(tmp_path: Path, disk: Full) -> None:
    """Nothing is raised; a line that was cut stands alone, then comes how many were lost, then the log goes on."""
    with (tmp_path / "log").open("wb") as file:
        outlet = Outlet(file.fileno())
        outlet.write('{"n": 1}\n')
        disk.room = 4
        for n in (2, 3, 4):
            outlet.write(f'{{"n": {n}}}\n')
        disk.room = 1 << 20
        outlet.write('{"n": 5}\n')
    lines = (tmp_path / "log").read_text().splitlines()
    assert [lines[0], lines[1], lines[3]] == ['{"n": 1}', '{"n"', '{"n": 5}']
    assert json.loads(lines[2])["lines"] == 3
    assert json.loads(lines[2])["error"] == "No space left on device"


def test_a_reader_that_is_gone_harms_nobody() -> None:
    """A pipe that nobody reads any more raises nothing either."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        Outlet(writer).write("a line\n")
    finally:
        os.close(writer)


def test_a_disk_with_room_for_nothing_but_the_notice(tmp_path: Path, disk: Full) -> None:
    """The notice is not said for lines that were then lost as well: it says them all, in its time."""
    with (tmp_path / "log").open("wb") as file:
        outlet = Outlet(file.fileno())
        disk.room = 0
        outlet.write("one\n")
        disk.room = 95  # the notice, and a part of the line
        outlet.write("two, which is longer than what is left of the disk\n")
        disk.room = 1 << 20
        outlet.write("three\n")
    told = [json.loads(line)["lines"] for line in (tmp_path / "log").read_text().splitlines() if "log.lost" in line]
    assert sum(told) == 2
    assert (tmp_path / "log").read_text().endswith("\nthree\n")
