"""What lies in a repository: sealed in chunks, and every change of it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.adapters.postgres.backup.crypt import CHUNK, HEAD, TAG, Damaged, opened, sealed
from greenroom.adapters.postgres.backup.manifest import Differs, compare, parse
from greenroom.adapters.postgres.backup.places import Directory
from greenroom.domain.errors import Errored

KEY = b"k" * 32
KEYS = pytest.mark.parametrize("key", [KEY, None], ids=["sealed", "plain"])
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 17]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    yield from (data[at : at + size] for at in range(0, len(data), size))


@KEYS
@pytest.mark.parametrize("size", SIZES)
def test_it_reads_back_as_written(key: bytes | None, size: int) -> None:
    """Whatever its length, and however it is handed over."""
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    stored = b"".join(sealed(cut(data, 70_001), key, "a/b"))
    assert b"".join(opened(cut(stored, 65_537), key, "a/b")) == data
    assert b"".join(bytes(block) for block in opened([stored[:HEAD], stored[HEAD:]], key, "a/b", held=1)) == data
    if size >= 16:  # shorter ones stand by chance in what is sealed
        assert (data[:64] in stored) is (key is None)


@KEYS
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_change_is_found(key: bytes | None, data: st.DataObject) -> None:
    """A flipped bit anywhere, a cut anywhere, a chunk left out or moved."""
    plain = b"x" * (2 * CHUNK + 100)
    stored = bytearray(b"".join(sealed([plain], key, "a")))
    how = data.draw(st.sampled_from(["flip", "cut", "swap", "leave out"]))
    one, two = HEAD, HEAD + CHUNK + TAG
    if how == "flip":
        at = data.draw(st.integers(0, len(stored) - 1))
        stored[at] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "cut":
        del stored[data.draw(st.integers(0, len(stored) - 1)) :]
    elif how == "swap":
        stored[one:two], stored[two : two + CHUNK + TAG] = stored[two : two + CHUNK + TAG], stored[one:two]
    else:
        del stored[one:two]
    with pytest.raises(Damaged):
        list(opened([bytes(stored)], key, "a"))


@KEYS
def test_no_file_stands_in_for_another(key: bytes | None) -> None:
    """It belongs to its path."""
    with pytest.raises(Damaged):
        list(opened(sealed([b"hello"], key, "backups/b1/base"), key, "backups/b2/base"))


def test_another_key_does_not_open_it() -> None:
    """Nor none at all."""
    for key in (b"o" * 32, None):
        with pytest.raises(Damaged):
            list(opened(sealed([b"hello"], KEY, "a"), key, "a"))


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A writer that breaks leaves what was there before."""
    place = Directory(tmp_path / "place")
    place.write("a/b", [b"old"])

    def breaks() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        place.write("a/b", breaks())
    assert b"".join(place.read("a/b")) == b"old"
    assert [s.path for s in place.all("")] == ["a/b"]
    assert (tmp_path / "place/a/b").stat().st_mode & 0o777 == 0o600
    place.delete("a/b")
    place.delete("a/b")
    with pytest.raises(Errored) as error:
        list(place.read("a/b"))
    assert error.value.code == "backup.absent"


def manifest(**files: bytes) -> bytes:
    """As PostgreSQL writes one."""
    entries = [
        {"Path": n, "Size": len(c), "Checksum-Algorithm": "SHA256", "Checksum": hashlib.sha256(c).hexdigest()}
        for n, c in files.items()
    ]
    ranges = [{"Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000120"}]
    head = json.dumps({"PostgreSQL-Backup-Manifest-Version": 2, "Files": entries, "WAL-Ranges": ranges})[:-1] + ",\n"
    return (head + '"Manifest-Checksum": "' + hashlib.sha256(head.encode()).hexdigest() + '"}\n').encode()


def seen(**files: bytes) -> dict[str, tuple[int, str]]:
    return {n: (len(c), hashlib.sha256(c).hexdigest()) for n, c in files.items()}


def test_a_backup_is_what_its_manifest_says() -> None:
    """Files, sizes and the range of the log."""
    found = compare(manifest(a=b"one", b=b"two"), seen(a=b"one", b=b"two"))
    assert (found.files, found.size, found.start, found.stop) == (2, 6, 0x2000028, 0x2000120)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a": b"one"}, "b is missing"),
        ({"a": b"one", "b": b"tw"}, "b has 2 bytes"),
        ({"a": b"one", "b": b"TWO"}, "contents of b differ"),
        ({"a": b"one", "b": b"two", "c": b""}, "c is not in its manifest"),
    ],
)
def test_every_difference_is_named(files: dict[str, bytes], said: str) -> None:
    """By the file."""
    with pytest.raises(Differs, match=said):
        compare(manifest(a=b"one", b=b"two"), seen(**files))


def test_a_changed_manifest_is_found() -> None:
    """Its own checksum does not fit any more; nor is none at all taken for one."""
    for raw in (manifest(a=b"one").replace(b'"Size": 3', b'"Size": 4'), b"", b"{}"):
        with pytest.raises(Differs):
            parse(raw)
