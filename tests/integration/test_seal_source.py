"""A commit is exported from git's objects; a hostile repository runs nothing and writes nowhere else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from greenroom.adapters.sealing import source
from greenroom.domain.errors import BadInput, GreenroomError, Refused
from tests.seal_support import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "-q")
    return made


def tree_of(repository: Path, *entries: tuple[str, str, str]) -> str:
    """A commit of exactly these (mode, name, content), written as objects: git's own checks do not apply."""
    lines = b""
    for mode, name, content in entries:
        kind = {"160000": None, "40000": "tree"}.get(mode, "blob")
        oid = content if kind is None or kind == "tree" else write(repository, "blob", content.encode())
        lines += mode.encode() + b" " + os.fsencode(name) + b"\0" + bytes.fromhex(oid)
    tree = write(repository, "tree", lines)
    return git(repository, "commit-tree", tree, "-m", "x")


def write(repository: Path, kind: str, data: bytes) -> str:
    command = ["git", "hash-object", "-t", kind, "--literally", "-w", "--stdin"]
    return subprocess.run(command, cwd=repository, input=data, capture_output=True, check=True).stdout.decode().strip()


def test_files_modes_and_links_come_as_committed(repository: Path, tmp_path: Path) -> None:
    """Contents byte for byte, executables executable, links as links; no attribute or filter changes them."""
    (repository / "a b").mkdir()
    (repository / "a b/é.txt").write_bytes(b"one\r\ntwo\n")
    (repository / "run").write_text("#!/bin/sh\n")
    (repository / "run").chmod(0o755)
    (repository / "link").symlink_to("a b/é.txt")
    (repository / ".gitattributes").write_text("*.txt text eol=lf filter=evil export-ignore export-subst\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "x")
    git(repository, "config", "filter.evil.smudge", f"touch {tmp_path}/evil")
    source.export(repository, source.resolve(repository, "HEAD"), tmp_path / "out")
    assert (tmp_path / "out/a b/é.txt").read_bytes().replace(b"\r", b"") == b"one\ntwo\n"
    assert (tmp_path / "out/run").stat().st_mode & 0o777 == 0o755
    assert os.readlink(tmp_path / "out/link") == "a b/é.txt"
    assert not (tmp_path / "evil").exists()


HOSTILE = {
    "a link that leaves": [("120000", "link", "../../etc/passwd")],
    "an absolute link": [("120000", "link", "/etc/passwd")],
    "an empty name": [("100644", "..", "x")],
    "a control character": [("100644", "a\nb", "x")],
    "bytes that are not UTF-8": [("100644", "\udcff", "x")],
    "a submodule": [("160000", "sub", "1" * 40)],
    "a file named like our own": [("100644", ".venv", "x")],
    "a large file's pointer": [("100644", "big", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n")],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_trees_are_refused(what: str, repository: Path, tmp_path: Path) -> None:
    """Each is refused, and the export leaves no directory under its final name."""
    commit = tree_of(repository, *HOSTILE[what])
    with pytest.raises(Refused) as refused:
        source.export(repository, commit, tmp_path / "out")
    assert refused.value.code in ("release.source_unfit", "release.file_unfit")
    assert not (tmp_path / "out").exists()


def test_a_repository_that_would_run_programs_runs_none(repository: Path, tmp_path: Path) -> None:
    """Hooks, monitors, pagers, aliases and ssh commands of the repository's configuration are not run."""
    (repository / "a").write_text("x")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "x")
    evil = f"touch {tmp_path}/evil"
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "alias.ls-tree", "core.hooksPath"):
        git(repository, "config", key, evil)
    source.export(repository, source.resolve(repository, "HEAD"), tmp_path / "out")
    assert (tmp_path / "out/a").read_text() == "x"
    assert not (tmp_path / "evil").exists()


def test_names_of_commits(repository: Path) -> None:
    """Branches, tags and abbreviations name a commit; trees, files and options do not."""
    (repository / "a").write_text("x")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "x")
    git(repository, "tag", "-a", "v1", "-m", "x")
    full = git(repository, "rev-parse", "HEAD")
    assert {source.resolve(repository, n) for n in ("HEAD", "v1", full[:8], full)} == {full}
    for name in ("HEAD:a", "HEAD^{tree}", "--all", "-h", "v2", "..", "HEAD..HEAD", "@{u}"):
        with pytest.raises(BadInput):
            source.resolve(repository, name)


def test_a_missing_object_is_an_error(repository: Path, tmp_path: Path) -> None:
    """A damaged repository is named as such."""
    commit = tree_of(repository, ("100644", "a", "content"))
    oid = git(repository, "rev-parse", f"{commit}:a")
    (repository / ".git/objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(GreenroomError) as error:
        source.export(repository, commit, tmp_path / "out")
    assert error.value.code == "release.source_unreadable"
