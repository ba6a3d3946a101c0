"""Paths and links: whatever the text, nothing that is accepted leads out of a tree."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.sealing import files
from greenroom.adapters.sealing.files import Entry, UnfitPath
from greenroom.domain.errors import Refused

PARTS = st.sampled_from(["a", "b", "..", ".", "", "a b", "é", "\n", "\x7f", "x" * 300, "-rf"])
TEXTS = st.one_of(st.text(max_size=40), st.lists(PARTS, max_size=6).map("/".join))


@given(TEXTS)
def test_an_accepted_path_stays_inside(text: str) -> None:
    """A path is refused, or joined to a directory it lies below it and is its own shortest form."""
    try:
        path = files.checked_path(text)
    except UnfitPath:
        return
    assert posixpath.normpath("/root/" + path) == "/root/" + path
    assert not any(ord(c) < 32 for c in path)


@given(st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=4).map("/".join), TEXTS)
def test_an_accepted_link_stays_inside(path: str, target: str) -> None:
    """A link is refused, or read as text it never climbs above the tree's top."""
    try:
        files.checked_link(path, target)
    except UnfitPath:
        return
    at = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target))
    climbed = posixpath.normpath(posixpath.join(posixpath.dirname(path) or ".", target))
    assert at.startswith("/")
    assert not climbed.startswith("..")


def test_links_through_links_are_followed(tmp_path: Path) -> None:
    """Two links, each of which stays inside as text, that together lead out are refused by the one that does."""
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/up").symlink_to("../..")
    (tmp_path / "deep/er/out").symlink_to("up/..")
    files.checked_link("deep/er/out", "up/..")
    with pytest.raises(Refused) as refused:
        files.scan(tmp_path)
    assert refused.value.code == "release.file_unfit"


def test_scan_sees_content_not_circumstance(tmp_path: Path) -> None:
    """Times, owners' extra rights and the order of making do not show; content, names and x-rights do."""
    trees = []
    for order in (1, -1):
        root = tmp_path / str(order)
        root.mkdir()
        for name in ["b", "a", "run"][::order]:
            (root / name).write_text(name)
            os.utime(root / name, (order + 5, order + 5))
        (root / "run").chmod(0o700 if order == 1 else 0o777)
        (root / "a").chmod(0o600 if order == 1 else 0o664)
        trees.append(files.scan(root))
    assert trees[0] == trees[1]
    assert [e.mode for e in trees[0]] == [0o644, 0o644, 0o755]
    (tmp_path / "1/a").write_text("c")
    assert files.scan(tmp_path / "1") != trees[0]


def test_devices_and_pipes_are_refused(tmp_path: Path) -> None:
    """Only files, directories and links are sealed."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused) as refused:
        files.scan(tmp_path)
    assert "'pipe'" in refused.value.message


def test_remove_tree_removes_what_is_read_only(tmp_path: Path) -> None:
    """A directory without write permission goes, too; one that is absent is fine."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_text("")
    for path in (tmp_path / "a/b", tmp_path / "a"):
        path.chmod(0o555)
    files.remove_tree(tmp_path / "a")
    files.remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_an_entry_survives_its_list() -> None:
    """What the image's list of files holds reads back."""
    entry = Entry("a/b", files.FILE, 0o755, 3, "ab")
    assert Entry(*entry.as_list()) == entry
