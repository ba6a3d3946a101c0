"""A base backup as it is laid out: the same tree that `tar` makes of it, and nothing outside, whatever is in it."""

from __future__ import annotations

import io
import os
import resource
import stat
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.postgres.backup.crypt import CHUNK, Damaged, opened, sealed
from greenroom.adapters.postgres.backup.places import Directory
from greenroom.adapters.postgres.backup.repository import Repository
from greenroom.adapters.postgres.backup.unpacking import AHEAD, HELD, unpack
from greenroom.adapters.runtimes.users import User
from greenroom.domain.errors import Errored

ME = User("me", os.geteuid(), os.getegid())
NOBODY = User("nobody", 65534, 65534)
NAMES = st.text("abé_.$0\udcff", min_size=1, max_size=60).filter(lambda n: n not in (".", ".."))


@dataclass
class Entry:
    name: str
    mode: int = 0o600
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    link: str = ""


def folder(name: str, mode: int = 0o700) -> Entry:
    return Entry(name, mode, kind=tarfile.DIRTYPE)


def archive(*entries: Entry, form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.type, info.mode, info.size, info.linkname = entry.kind, entry.mode, len(entry.content), entry.link
            tar.addfile(info, io.BytesIO(entry.content))
    return out.getvalue()


def cut(data: bytes, places: list[int]) -> Iterator[memoryview]:
    """Blocks that end at these places, and wherever the data ends; some may be empty. They lie by turns in as little
    memory as is promised."""
    begin, memory = 0, [memoryview(bytearray(len(data))) for _ in range(HELD)]
    for number, place in enumerate([*sorted(places), len(data)]):
        block = memory[number % HELD][: place - begin]
        block[:] = data[begin:place]
        yield block
        begin = place


def tree(root: Path) -> dict[str, tuple[int, bytes | None]]:
    """What lies below it: mode and contents of each."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in root.rglob("*")
    }


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """Directories before what is in them, as PostgreSQL sends them."""
    entries, folders = list[Entry](), [""]
    for _ in range(draw(st.integers(0, 12))):
        name = draw(st.sampled_from(folders)) + draw(NAMES)
        if len(os.fsencode(name)) > 150 or any(e.name == name for e in entries):
            continue
        if draw(st.booleans()):
            entries.append(folder(name, 0o700 | draw(st.integers(0, 0o77))))
            folders.append(f"{name}/")
        else:
            content = draw(st.sampled_from([b"", b"x", b"x" * 511, b"y" * 512, b"z" * 513, os.urandom(9000)]))
            entries.append(Entry(name, 0o400 | draw(st.integers(0, 0o777)), content))
    return entries


@given(entries=trees(), data=st.data())
def test_it_is_the_tree_that_tar_makes(entries: list[Entry], data: st.DataObject) -> None:
    """Names, modes and bytes, however the stream is cut into blocks."""
    made = archive(*entries)
    places = data.draw(st.lists(st.integers(0, len(made)), max_size=20))
    with TemporaryDirectory() as scratch:
        ours, theirs = Path(scratch, "ours"), Path(scratch, "theirs")
        ours.mkdir(0o700)
        theirs.mkdir(0o700)
        unpack(cut(made, places), ours, ME)
        argv = ["tar", "--extract", "--file=-", f"--directory={theirs}", "--no-same-owner", "--preserve-permissions"]
        subprocess.run(argv, input=made, check=True)
        assert tree(ours) == tree(theirs)


def test_a_file_of_many_blocks_and_the_smallest_ones(tmp_path: Path) -> None:
    """From a sealed stream; with the names that PostgreSQL writes: from here on and with a slash at the end."""
    big = os.urandom(5 * CHUNK + 17)
    made = archive(folder("./pg_wal/"), folder("base"), Entry("base/1", content=big), Entry("pg_wal/empty"))
    unpack(opened(sealed([made], b"k" * 32, "a"), b"k" * 32, "a", HELD), tmp_path, ME)
    assert (tmp_path / "base/1").read_bytes() == big
    assert (tmp_path / "pg_wal/empty").read_bytes() == b""


def test_nothing_of_it_runs_as_somebody_else(tmp_path: Path) -> None:
    """Of the mode only what can be read, written and executed is kept."""
    unpack(cut(archive(Entry("a", 0o6755), folder("b", 0o3777)), []), tmp_path, ME)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o777


WHOLE = archive(folder("base"), Entry("base/1", content=b"x" * 700))
ENTRIES = 4 * 512  # after them there are only zeros

OUTSIDE = {
    "up": [Entry("../out")],
    "up from below": [folder("a"), Entry("a/../../out")],
    "absolute": [Entry("/tmp/out")],
    "here": [folder("./.")],
    "no name": [folder("a"), Entry("a//b")],
    "a link": [Entry("a", kind=tarfile.SYMTYPE, link="..")],
    "a second name": [Entry("a"), Entry("b", kind=tarfile.LNKTYPE, link="a")],
    "a pipe": [Entry("a", kind=tarfile.FIFOTYPE)],
    "a device": [Entry("a", kind=tarfile.CHRTYPE)],
    "sparse": [Entry("a", kind=tarfile.GNUTYPE_SPARSE)],
    "twice": [Entry("a"), Entry("a")],
    "a directory twice": [folder("a"), folder("./a")],
    "a file in place of a directory": [folder("a"), Entry("a")],
    "in nothing": [Entry("a/b")],
    "in a file": [Entry("a"), Entry("a/b")],
}


def damaged(made: bytes, tmp_path: Path, blocks: int = 100) -> str:
    """What is said of it; nothing came to lie beside the target, and it was not handed over."""
    target = tmp_path / "inside" / "target"
    target.mkdir(0o700, parents=True)
    with pytest.raises(Damaged) as error:
        unpack(cut(made, list(range(0, len(made), blocks))), target, NOBODY if os.geteuid() == 0 else ME)
    assert list(tmp_path.iterdir()) == [tmp_path / "inside"]
    assert list((tmp_path / "inside").iterdir()) == [target]
    assert target.stat().st_uid == os.geteuid()
    assert not Path("/tmp/out").exists()
    return str(error.value)


@pytest.mark.parametrize("case", OUTSIDE)
def test_what_leads_elsewhere_is_refused(case: str, tmp_path: Path) -> None:
    """By name; PostgreSQL sends none of it."""
    assert repr(OUTSIDE[case][-1].name.removeprefix("./").rstrip("/")) in damaged(archive(*OUTSIDE[case]), tmp_path)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_other_forms_of_tar_are_refused(form: int, tmp_path: Path) -> None:
    """PostgreSQL writes neither, and what they can say beyond it is not read."""
    assert "neither a file nor a directory" in damaged(archive(Entry("é" * 120), form=form), tmp_path)


def test_a_size_below_nothing_is_refused(tmp_path: Path) -> None:
    """As large sizes are written, in base 256, it can be said."""
    info = tarfile.TarInfo("a")
    info.size = -512
    assert "neither" in damaged(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024), tmp_path)


@given(data=st.data())
def test_any_cut_and_any_flipped_header_is_found(data: st.DataObject) -> None:
    """It is never taken for whole."""
    with TemporaryDirectory() as scratch:
        damaged(WHOLE[: data.draw(st.integers(0, ENTRIES + 511))], Path(scratch))
    flipped = bytearray(WHOLE)
    at = st.integers(0, 147) | st.integers(156, 511)  # between lies the checksum, which can be written in several ways
    flipped[data.draw(at)] ^= 1 << data.draw(st.integers(0, 7))
    with TemporaryDirectory() as scratch:
        damaged(bytes(flipped), Path(scratch))


@given(blocks=st.integers(50, 5000))
def test_nothing_comes_after_its_end(blocks: int) -> None:
    """What lies there is read to its last byte."""
    with TemporaryDirectory() as scratch:
        assert "follows" in damaged(WHOLE + b"x", Path(scratch), blocks)


@dataclass
class Blocks:
    """A stream of one large file that counts how much of it was asked for, and may break."""

    breaks: bool = False
    asked: int = 0
    owners: set[int] = field(default_factory=set)

    def read(self, target: Path) -> Iterator[memoryview]:
        for block in cut(archive(Entry("a", content=bytes(40 * CHUNK))), [n * CHUNK for n in range(41)]):
            self.asked += 1
            self.owners.add(target.stat().st_uid)
            if self.breaks and self.asked > 20:
                raise Errored("backup.damaged", "a flipped bit")
            yield block


def test_what_keeps_it_from_being_written_reaches_the_caller(tmp_path: Path) -> None:
    """As the system said it; no more is read then, and no thread is left."""
    blocks, before = Blocks(), threading.active_count()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10 * CHUNK, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            unpack(blocks.read(tmp_path), tmp_path, ME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert blocks.asked <= 10 + AHEAD + 4
    assert threading.active_count() == before


def test_what_keeps_it_from_being_read_reaches_the_caller(tmp_path: Path) -> None:
    """The reader's own error, and no thread is left."""
    before = threading.active_count()
    with pytest.raises(Errored) as error:
        unpack(Blocks(breaks=True).read(tmp_path), tmp_path, ME)
    assert error.value.code == "backup.damaged"
    assert threading.active_count() == before


@pytest.mark.needs("root")
def test_it_belongs_to_nobody_else_until_it_is_whole(tmp_path: Path) -> None:
    """As long as more comes only we can enter; then all of it is the account's."""
    blocks = Blocks()
    tmp_path.chmod(0o700)
    unpack(blocks.read(tmp_path), tmp_path, NOBODY)
    assert blocks.owners == {0}
    assert {(p.stat().st_uid, p.stat().st_gid) for p in (tmp_path, tmp_path / "a")} == {(65534, 65534)}


def test_what_is_no_backup_in_one_place_comes_from_the_other(tmp_path: Path) -> None:
    """Well sealed it may be all the same: it is named as damaged where no place has it whole."""
    places = Directory(tmp_path / "one"), Directory(tmp_path / "two")
    repository = Repository("7", b"k" * 32, *places)
    repository.write("backups/b1/base", [WHOLE[: ENTRIES - 1]], places[0])
    target = tmp_path / "target"

    def use(blocks: Iterator[memoryview]) -> None:
        subprocess.run(["rm", "-rf", str(target)], check=True)
        target.mkdir(0o700)
        unpack(blocks, target, ME)

    with pytest.raises(Errored) as error:
        repository.anywhere("backups/b1/base", use, HELD)
    assert error.value.code == "backup.damaged"
    assert error.value.facts["place"] == str(tmp_path / "one")
    repository.write("backups/b1/base", [WHOLE], places[1])
    repository.anywhere("backups/b1/base", use, HELD)
    assert (target / "base/1").read_bytes() == b"x" * 700
