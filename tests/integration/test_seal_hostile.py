"""Images and repositories made to break out: refused with a clear error, nothing outside, in bounded time and memory.

Every image here has the right digests and counts as signed: what is held is the reader alone.
"""

from __future__ import annotations

import io
import json
import os
import resource
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenroom.adapters.sealing import files, source
from greenroom.adapters.sealing.image import APP, FILE_LIST, LABEL, referrers
from greenroom.adapters.sealing.layout import LAYER, Layout
from greenroom.adapters.sealing.tools import Recipe
from greenroom.domain.canonical import canonical
from greenroom.domain.errors import GreenroomError, Refused
from greenroom.domain.release import Language
from tests.integration.test_seal_source import repository as _repository
from tests.integration.test_seal_source import tree_of, write
from tests.seal_support import PLAIN, Workshop, open_directory, workshop

repository = _repository
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
CODES = {"artifact.tampered", "artifact.missing"}
Member = tuple[tarfile.TarInfo, bytes]


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with open_directory() as root, workshop(root, recipe=Recipe(Language.NONE)) as made:
        made.artifacts._check_signature = lambda digest: ({}, b"")  # type: ignore[method-assign]
        Layout(made.home.artifacts).prepare()
        with Layout(made.home.artifacts).writing():  # its lock is a file, too
            (made.home.artifacts / "unpacked").mkdir()
        yield made


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    return info, data


def row(
    path: Any, kind: str = "file", mode: Any = 0o644, size: Any = 0, digest: str = EMPTY, target: str = ""
) -> list[Any]:
    return [path, kind, mode, size, digest, target]


def packed(members: list[Member]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def image(shop: Workshop, layer: bytes, listing: Any, *, raw: bytes | None = None) -> str:
    """Store an image with this second layer and this list of files; its digest."""
    layout = Layout(shop.home.artifacts)
    text = raw if raw is not None else json.dumps(listing).encode()
    layers = [layout.put(data, LAYER) for data in (packed([]), layer, packed([member(FILE_LIST, text)]))]
    config = layout.put(canonical({"config": {"Labels": {LABEL: canonical(PLAIN.as_dict()).decode()}}}), LAYER)
    return str(layout.put(canonical({"config": config, "layers": layers}), LAYER)["digest"])


def refused(shop: Workshop, digest: str) -> Refused:
    """It is refused, and neither the place above nor the place itself has anything new."""
    before = surroundings(shop)
    with pytest.raises(GreenroomError) as error:
        shop.artifacts.unpack(digest)
    assert error.value.code in CODES, error.value
    assert surroundings(shop) == before
    assert isinstance(error.value, Refused)
    return error.value


def surroundings(shop: Workshop) -> set[str]:
    """Everything that is no blob, by name; what lies in /tmp is watched one level deep."""
    unpacked = shop.home.artifacts / "unpacked"
    found = {str(p) for p in shop.home.root.iterdir()} | {str(p) for p in shop.home.artifacts.iterdir()}
    return (found | {str(p) for p in unpacked.glob("*")}) - {str(unpacked)} | set(os.listdir(shop.home.root.parent))


# --- layers ----------------------------------------------------------------------------------------

PLAIN_ROW, D, L = row("a"), "dir", "link"
LAYERS: dict[str, tuple[list[Member], list[list[Any]]]] = {
    "a path that climbs": ([member(APP + "../evil")], [row("../evil")]),
    "a path that climbs on its way": ([member(APP + "a/../../evil")], [row("a/../../evil")]),
    "an absolute path": ([member("/tmp/evil")], [row("/tmp/evil")]),
    "an absolute path in the application": ([member(APP + "/tmp/evil")], [row("/tmp/evil")]),
    "a link to outside": ([member(APP + "a", kind=tarfile.SYMTYPE, link="../../x")], [row("a", L, target="../../x")]),
    "a link to an absolute path": ([member(APP + "a", kind=tarfile.SYMTYPE)], [row("a", L, target="/etc")]),
    "a link that is written through": (
        [member(APP + "a", kind=tarfile.SYMTYPE), member(APP + "a/b")],
        [row("a", L, target="."), row("a/b")],
    ),
    "links through links that leave": (
        [
            member(APP + "d", kind=tarfile.DIRTYPE, mode=0o755),
            *(member(APP + n, kind=tarfile.SYMTYPE) for n in ("d/up", "d/out", "d/out/evil")),
        ],
        [row("d", D, 0o755), row("d/up", L, target=".."), row("d/out", L, target="up/.."),
         row("d/out/evil", L, target="x")],
    ),
    "a hard link": ([member(APP + "a", kind=tarfile.LNKTYPE, link="/etc/passwd")], [PLAIN_ROW]),
    "a character device": ([member(APP + "a", kind=tarfile.CHRTYPE)], [PLAIN_ROW]),
    "a block device": ([member(APP + "a", kind=tarfile.BLKTYPE)], [PLAIN_ROW]),
    "a pipe": ([member(APP + "a", kind=tarfile.FIFOTYPE)], [PLAIN_ROW]),
    "a sparse file": ([member(APP + "a", kind=tarfile.GNUTYPE_SPARSE)], [PLAIN_ROW]),
    "the same file twice": ([member(APP + "a"), member(APP + "a")], [PLAIN_ROW]),
    "the same directory twice": (
        [member(APP + "a", kind=tarfile.DIRTYPE), member(APP + "a", kind=tarfile.DIRTYPE)],
        [row("a", D, 0o755)],
    ),
    "a file as a directory": ([member(APP + "a"), member(APP + "a/b")], [PLAIN_ROW, row("a/b")]),
    "a file of another size": ([member(APP + "a", b"xx")], [row("a", size=1)]),
    "other bytes than listed": ([member(APP + "a", b"x")], [row("a", size=1)]),
    "more than listed": ([member(APP + "a"), member(APP + "b")], [PLAIN_ROW]),
    "less than listed": ([], [PLAIN_ROW]),
    "a name with a line end": ([member(APP + "a\nb")], [row("a\nb")]),
    "a name with an escape": ([member(APP + "a\x1b[31m")], [row("a\x1b[31m")]),
    "a name that is not UTF-8": ([member(APP + "a\udcff")], [row("a\udcff")]),
    "a name of 100,000 characters": ([member(APP + "a" * 100_000)], [row("a" * 100_000)]),
    "beside the application": ([member("b")], [row("b")]),
}  # fmt: skip


@pytest.mark.parametrize("what", LAYERS)
def test_a_hostile_layer_is_refused(shop: Workshop, what: str) -> None:
    """Whether its list of files names it or not; the error says that it was changed, and writes nothing outside."""
    members, listing = LAYERS[what]
    said = refused(shop, image(shop, packed(members), listing))
    assert all(c.isprintable() for c in said.because), said.because
    if members:
        refused(shop, image(shop, packed(members), []))


def test_setuid_is_not_laid_out(shop: Workshop) -> None:
    """A listed mode that no seal gives is refused; a layer's own bits are not taken over."""
    refused(shop, image(shop, packed([member(APP + "a", mode=0o6755)]), [row("a", mode=0o6755)]))
    laid = shop.artifacts.unpack(image(shop, packed([member(APP + "a", mode=0o7755)]), [row("a", mode=0o755)]))
    assert (laid.root / "a").stat().st_mode & 0o7777 == 0o555


def huge(size: int) -> bytes:
    """A header that claims a size which the archive does not have."""
    info = tarfile.TarInfo(APP + "a")
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 2048


def long_extension(length: int, claimed: int) -> bytes:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, claimed
    return info.tobuf(tarfile.GNU_FORMAT) + b"9" * length


@pytest.mark.parametrize(
    ("layer", "listing"),
    [
        (huge(1 << 60), [row("a", size=1 << 60)]),
        (huge(1 << 31), [row("a", size=1 << 31)]),
        (huge(5 << 30), [row("a", size=5 << 30)]),
        (long_extension(1 << 20, 1 << 50), [PLAIN_ROW]),
        (b"\xff" * 4096, [PLAIN_ROW]),
        (b"not a tar", [PLAIN_ROW]),
        (packed([member(APP + "a", b"x" * 5000)])[:2000], [row("a", size=5000)]),
        (packed([member(APP + "a", kind=tarfile.DIRTYPE)] * 20_000), [row("a", "dir", 0o755)]),
    ],
    ids=["exabyte", "two gigabytes", "past the limit", "petabyte of header", "noise", "text", "cut", "20,000 entries"],
)  # fmt: skip
def test_sizes_that_are_claimed_are_not_believed(shop: Workshop, layer: bytes, listing: list[Any]) -> None:
    """Neither memory nor disk is taken for what is not there."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    refused(shop, image(shop, layer, listing))
    assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "more than 200 MB"


# --- lists of files --------------------------------------------------------------------------------

LISTS: dict[str, bytes] = {
    "no JSON": b"{",
    "a mapping": b"{}",
    "nothing": b"null",
    "deep": b"[" * 200_000,
    "rows that are numbers": b"[1,2]",
    "short rows": b'[["a"]]',
    "long rows": b'[["a","file",420,0,"","",1]]',
    "a path that is a list": b'[[["a"],"file",420,0,"",""]]',
    "a path that is a mapping": b'[[{},"file",420,0,"",""]]',
    "a path that is not UTF-8": b'[["\xff","file",420,0,"",""]]',
    "an empty path": b'[["","file",420,0,"",""]]',
    "a size that is text": b'[["a","file",420,"0","",""]]',
    "a size below nothing": b'[["a","file",420,-1,"",""]]',
    "a size that is true": b'[["a","file",420,true,"",""]]',
    "a size past all limits": b'[["a","file",420,1e400,"",""]]',
    "a kind nobody knows": b'[["a","device",420,0,"",""]]',
    "a digest that is nothing": b'[["a","file",420,0,null,""]]',
    "the same twice": b'[["a","file",420,0,"",""],["a","file",420,0,"",""]]',
    "a million entries": b"[" + b",".join(b'["%d","file",420,0,"",""]' % n for n in range(1_000_000)) + b"]",
}


@pytest.mark.parametrize("what", LISTS)
def test_a_list_of_files_that_no_seal_makes_is_refused(shop: Workshop, what: str) -> None:
    """Of wrong kinds, deep as a well, a million long."""
    refused(shop, image(shop, packed([]), None, raw=LISTS[what]))


@pytest.mark.parametrize(
    "text", [b"[" * 200_000, b'{"a":' * 200_000, b"\xff", b"[]", b"null", b'{"config": 1, "layers": 2}']
)
def test_documents_that_are_none(shop: Workshop, text: bytes) -> None:
    """A manifest, an index or a statement that is no such thing is an answer, not a stack trace."""
    layout = Layout(shop.home.artifacts)
    refused(shop, str(layout.put(text, LAYER)["digest"]))
    assert shop.sealer._keyring.opened(text) is None
    index = shop.home.artifacts / "index.json"
    kept = index.read_bytes() if index.exists() else None
    index.write_bytes(text)
    try:
        with pytest.raises(Refused) as error:
            referrers(layout, "sha256:" + "0" * 64, "x")
        assert error.value.code == "artifact.tampered"
    finally:
        index.unlink() if kept is None else index.write_bytes(kept)


# --- fuzz ------------------------------------------------------------------------------------------

GOOD = packed(
    [
        member(APP + "d", kind=tarfile.DIRTYPE, mode=0o755), member(APP + "d/a", b"hello" * 300),
        member(APP + "l", kind=tarfile.SYMTYPE, link="d/a"), member(APP + "é" * 60, b"x"),
    ]
)  # fmt: skip
GOOD_LIST = [
    row("d", "dir", 0o755), row("d/a", size=1500, digest=files.digest_of_bytes(b"hello" * 300)[7:]),
    row("l", "link", 0o777, digest="", target="d/a"), row("é" * 60, size=1, digest=files.digest_of_bytes(b"x")[7:]),
]  # fmt: skip


def test_the_seed_of_the_fuzz_is_good(shop: Workshop) -> None:
    """Undamaged, it is laid out."""
    assert (shop.artifacts.unpack(image(shop, GOOD, GOOD_LIST)).root / "l").read_text() == "hello" * 300


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, len(GOOD)),
)
def test_damaged_layers(shop: Workshop, flips: list[tuple[int, int]], cut: int) -> None:
    """Bytes changed anywhere, and cut anywhere: laid out as listed, or refused; never anything else, never outside."""
    data = bytearray(GOOD)
    for at, value in flips:
        data[at] = value
    laid_out_or_refused(shop, bytes(data[: cut or None]), GOOD_LIST)


def mutated(value: Any) -> st.SearchStrategy[Any]:
    odd = st.sampled_from(
        [None, True, -1, 1 << 70, "", "..", "/x", "a\0b", "d", "d/a", "l/x", [], {}, 1.5, "link", "\ud800"]
    )
    if isinstance(value, list) and value:
        return st.one_of(
            st.integers(0, len(value) - 1).flatmap(
                lambda n: mutated(value[n]).map(lambda new: [*value[:n], new, *value[n + 1 :]])
            ),
            st.just([*value, value[0]]),
            odd,
        )
    return odd


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mutated(GOOD_LIST))
def test_damaged_lists(shop: Workshop, listing: Any) -> None:
    """One value of the list replaced by any other."""
    laid_out_or_refused(shop, GOOD, listing)


def laid_out_or_refused(shop: Workshop, layer: bytes, listing: Any) -> None:
    digest = image(shop, layer, listing)
    before = surroundings(shop)
    try:
        root = shop.artifacts.unpack(digest).root
    except GreenroomError as error:
        assert error.code in CODES, error
        assert surroundings(shop) == before
    else:
        assert surroundings(shop) - before <= {str(root)}
        files.remove_tree(root)


# --- repositories ----------------------------------------------------------------------------------


def test_a_tree_that_writes_through_its_own_link_is_refused(repository: Path, tmp_path: Path) -> None:
    """A link and a directory of the same name in one tree: nothing is written to where the link leads."""
    inner = git_tree(repository, ("100644", "evil", "x"))
    commit = tree_of(repository, ("120000", "out", "."), ("40000", "out", inner))
    (tmp_path / "export").mkdir()
    with pytest.raises(Refused) as error:
        source.export(repository, commit, tmp_path / "export" / "out")
    assert error.value.code == "release.source_unfit"
    assert "evil" not in {p.name for p in tmp_path.rglob("*")}


def git_tree(repository: Path, *entries: tuple[str, str, str]) -> str:
    lines = b""
    for mode, name, content in entries:
        lines += (
            mode.encode() + b" " + name.encode() + b"\0" + bytes.fromhex(write(repository, "blob", content.encode()))
        )
    return write(repository, "tree", lines)


ODD: dict[str, Callable[[Path], str]] = {
    "the same name twice": lambda r: tree_of(r, ("100644", "a", "1"), ("100644", "a", "2")),
    "a file with files below": lambda r: tree_of(
        r, ("100644", "a", "1"), ("40000", "a", git_tree(r, ("100644", "b", "x")))
    ),
    "a name of dots": lambda r: tree_of(r, ("100644", ".", "x")),
    "a name that clears the screen": lambda r: tree_of(r, ("100644", "a\x1b[2J", "x")),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_trees_are_refused(repository: Path, tmp_path: Path, what: str) -> None:
    """The error names the path in a form that no terminal obeys."""
    (tmp_path / "export").mkdir()
    with pytest.raises(Refused) as error:
        source.export(repository, ODD[what](repository), tmp_path / "export" / "out")
    assert error.value.code == "release.source_unfit"
    assert error.value.message.isprintable()


def test_names_that_differ_in_case_alone_stay_apart(repository: Path, tmp_path: Path) -> None:
    """On this machine's file systems they are two files, and stay so."""
    (tmp_path / "export").mkdir()
    commit = tree_of(repository, ("100644", "A", "1"), ("100644", "a", "2"))
    source.export(repository, commit, tmp_path / "export" / "out")
    assert {p.name: p.read_text() for p in (tmp_path / "export" / "out").iterdir()} == {"A": "1", "a": "2"}
