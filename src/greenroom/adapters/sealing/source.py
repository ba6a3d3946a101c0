"""The files of one commit, straight from git's objects: no checkout, no filters, no hooks, no attributes.

The repository is hostile input: names that climb, links that leave, submodules, a ref that looks like an
option, a configuration that would run programs. Only `rev-parse`, `ls-tree`, `cat-file` and `for-each-ref` are asked.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit, urlunsplit

from greenroom.adapters.sealing import files
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.names import did_you_mean

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
RESERVED = (".venv", ".greenroom")
"""Top-level names the release fills itself: its dependencies, and the list of its files."""

GIT_SECONDS = 120.0
MOST_NAMES = 500
RESOLVE_SECONDS = 10.0
"""Somebody waits for the answer."""


@dataclass(frozen=True)
class Blob:
    """One line of `git ls-tree`."""

    mode: str
    oid: str
    size: int
    path: str


def resolve(repository: Path, name: str) -> str:
    """The full hash of the commit `name` means.

    Raises BadInput (`release.commit_unknown`, `release.repository_unknown`), Errored (`release.git_missing`,
    `release.git_timeout`).
    """
    if not repository.is_dir():
        raise BadInput("release.repository_unknown", f"{repository} is not a directory", hint="name a git repository")
    if not name or "\0" in name or len(name) > 256:
        raise BadInput("release.commit_unknown", f"{name[:80]!r} names no commit", hint="a branch, tag or hash")
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    done = _git(repository, *words, seconds=RESOLVE_SECONDS)
    if done.returncode:
        outside = _git(repository, "rev-parse", "--git-dir", seconds=RESOLVE_SECONDS)
        if outside.returncode:
            raise BadInput(
                "release.repository_unknown",
                f"{repository} is not a git repository",
                because=outside.stderr.decode(errors="replace").strip()[:500],
                hint="git init and a first commit make it one",
            )
        raise BadInput(
            "release.commit_unknown",
            f"{name[:80]!r} names no commit in {repository}",
            hint=did_you_mean(name, _names(repository), "`git log --oneline` shows the commits there are"),
        )
    return done.stdout.decode().strip()


def _names(repository: Path) -> list[str]:
    """Branches and tags, the ones that were touched last first; none where git does not say."""
    words = ("for-each-ref", f"--count={MOST_NAMES}", "--sort=-creatordate", "--format=%(refname:short)")
    done = _git(repository, *words, "refs/heads", "refs/tags", seconds=RESOLVE_SECONDS)
    return [] if done.returncode else done.stdout.decode(errors="replace").splitlines()


def export(repository: Path, commit: str, target: Path) -> None:
    """Write the commit's files below `target`, which must not exist; it appears whole or not at all.

    Raises Refused (`release.source_unfit`, `release.build_too_large`) naming the path.
    """
    partial = target.with_name(target.name + ".partial")
    files.remove_tree(partial)
    partial.mkdir(mode=0o755)
    blobs = list(_listing(repository, commit))
    try:
        files.checked_tree((b.path, files.LINK if b.mode == "120000" else files.FILE) for b in blobs)
    except files.UnfitTree as error:
        raise _unfit(error.path, f"it {error}", "git fsck names the tree that is malformed") from None
    total = sum(b.size for b in blobs)
    if len(blobs) > files.MAX_FILES or total > files.MAX_BYTES:
        raise files.too_large(total, len(blobs))
    _write(repository, blobs, partial)
    files.links_stay_inside(partial, (b.path for b in blobs if b.mode == "120000"))
    partial.rename(target)


def public_address(repository: str) -> str:
    """The repository's address without a name or password in it, fit for a document others read."""
    parts = urlsplit(repository)
    if parts.scheme and parts.hostname:
        host = parts.hostname + (f":{parts.port}" if parts.port else "")
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    return repository


def _listing(repository: Path, commit: str) -> Iterator[Blob]:
    done = _git(repository, "ls-tree", "-r", "-z", "--long", "--full-tree", commit)
    if done.returncode:
        raise Errored(
            "release.source_unreadable",
            f"git cannot list commit {commit[:12]}",
            because=done.stderr.decode(errors="replace").strip()[:500],
            hint="git fsck in the repository says what is missing; git fetch may bring it back",
        )
    for line in done.stdout.split(b"\0"):
        if not line:
            continue
        meta, _, raw = line.partition(b"\t")
        mode, kind, oid, size = meta.decode().split()
        path = raw.decode(errors="surrogateescape")
        if kind == "commit":
            raise _unfit(path, "it is a submodule", "vendor its files, or make it a dependency in the lock file")
        try:
            files.checked_path(path)
        except files.UnfitPath as error:
            raise _unfit(path, f"it {error}") from None
        if path.split("/")[0] in RESERVED:
            raise _unfit(path, "the release keeps its own files under that name", "remove it from git")
        if not size.isdigit():
            raise Errored(
                "release.source_unreadable",
                f"git cannot read {path}",
                because="its object is missing",
                hint="git fsck in the repository says what is missing; git fetch may bring it back",
            )
        yield Blob(mode, oid, int(size), path)


def _write(repository: Path, blobs: list[Blob], root: Path) -> None:
    """Plain files first and links last, so that nothing is ever written through a link."""
    ordered = sorted(blobs, key=lambda b: b.mode == "120000")
    with subprocess.Popen(
        [*_command(repository), "cat-file", "--batch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    ) as git:
        ask, answer = cast(BinaryIO, git.stdin), cast(BinaryIO, git.stdout)
        try:
            for blob in ordered:
                ask.write(blob.oid.encode() + b"\n")
                ask.flush()
                header = answer.readline().split()
                if len(header) != 3 or header[1] != b"blob" or int(header[2]) != blob.size:
                    raise Errored(
                        "release.source_unreadable",
                        f"git cannot read {blob.path}",
                        because="object missing",
                        hint="git fsck in the repository says what is missing; git fetch may bring it back",
                    )
                _write_one(answer, blob, root / blob.path)
                answer.read(1)
        except EOFError:
            raise Errored(
                "release.source_unreadable",
                f"git stopped in the middle of {len(blobs)} files",
                hint="git fsck in the repository says what is missing; git fetch may bring it back",
            ) from None
        finally:
            git.kill()


def _write_one(answer: BinaryIO, blob: Blob, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    if blob.mode == "120000":
        text = answer.read(blob.size).decode(errors="surrogateescape")
        try:
            target.symlink_to(files.checked_link(blob.path, text))
        except files.UnfitPath as error:
            raise _unfit(blob.path, f"it {error}") from None
        return
    mode = 0o755 if blob.mode == "100755" else 0o644
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        files.copy_stream(answer, blob.size, file)
    if blob.size < 1024 and target.read_bytes().startswith(LFS_POINTER):
        raise _unfit(blob.path, "it is a Git LFS pointer, not the file", "commit the file itself")


def _unfit(path: str, because: str, hint: str = "") -> Refused:
    return Refused("release.source_unfit", f"{path!r} cannot be part of a release", because=because, hint=hint)


def _command(repository: Path) -> list[str]:
    # Another user's repository may be read: none of these commands runs what its configuration names, and
    # no transport is allowed, so a partial clone cannot fetch behind our back.
    return ["git", "-C", str(repository), "-c", "safe.directory=*", "-c", "protocol.allow=never"]


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _git(repository: Path, *arguments: str, seconds: float = GIT_SECONDS) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [*_command(repository), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise Errored("release.git_missing", "git is not installed", hint="install git") from None
    except subprocess.TimeoutExpired:
        raise Errored(
            "release.git_timeout", f"git took more than {seconds:.0f} s", hint="try again; git gc helps a large one"
        ) from None
