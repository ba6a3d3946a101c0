"""Room on a disk is asked for before anything is written to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from greenroom.adapters.postgres.room import need_room, need_room_for_copy, shares_blocks, size_on_disk
from greenroom.domain.errors import Refused
from tests.small_disk import small_disk

MEGABYTE = 1 << 20


@pytest.mark.needs("loop")
def test_what_does_not_fit_is_refused_with_both_figures(tmp_path: Path) -> None:
    """On a real file system: what fits is let through, what does not is refused, unless enough is given back before."""
    with small_disk(tmp_path / "small", 32) as disk:
        need_room("a thing", disk.root, 20 * MEGABYTE)
        disk.fill(leave=10 * MEGABYTE)
        with pytest.raises(Refused) as refused:
            need_room("a thing", disk.root, 20 * MEGABYTE)
        assert refused.value.code == "home.no_room"
        assert "0.02 GB" in refused.value.because
        assert "0.01 GB" in refused.value.because
        assert str(disk.root) in refused.value.because
        old = disk.root / "old"
        old.mkdir()
        disk.make_room()
        (old / "data").write_bytes(b"x" * 15 * MEGABYTE)
        disk.fill(leave=10 * MEGABYTE)
        need_room("a thing", disk.root, 20 * MEGABYTE, gives_back=old)
        assert 15 * MEGABYTE <= size_on_disk(old) <= 16 * MEGABYTE


@pytest.mark.needs("xfs")
def test_a_copy_that_shares_blocks_takes_no_room(tmp_path: Path) -> None:
    """Where the file system lets files share their blocks a copy of any size is let through; elsewhere it is not."""
    image, root = tmp_path / "xfs.img", tmp_path / "xfs"
    root.mkdir()
    with image.open("wb") as file:
        file.truncate(400 * MEGABYTE)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, root], check=True)
    try:
        assert shares_blocks(root)
        need_room_for_copy("a clone", root, root, 1 << 40)
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)
    with small_disk(tmp_path / "ext4", 32) as disk:
        assert not shares_blocks(disk.root)
        with pytest.raises(Refused):
            need_room_for_copy("a clone", disk.root, disk.root, 1 << 40)
