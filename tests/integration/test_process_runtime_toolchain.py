"""Interpreters are found by running them; those that others could not read are adopted."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from greenroom.adapters.home import Home, readable_by_all
from greenroom.adapters.runtimes.toolchain import adopt, find_node, find_python
from greenroom.domain.errors import Refused
from tests.runtime_support import LINE, made_home


@pytest.fixture
def home() -> Iterator[Home]:
    with made_home() as made:
        yield made


@pytest.fixture
def hidden(home: Home) -> Path:
    """A small Python installation's shape behind a door that is closed to others."""
    door = home.root / "closed"
    door.mkdir(mode=0o700)
    tree = door / "3.11.7"
    for name in ("bin", "lib/python3.11/test", "lib/python3.11/site-packages/extra", "lib/python3.11/json/__pycache__"):
        (tree / name).mkdir(parents=True)
    (tree / "bin/python3.11").write_text("#!/bin/sh\necho works\n")
    (tree / "bin/python3.11").chmod(0o755)
    (tree / "bin/python3").symlink_to("python3.11")
    (tree / "bin/absolute").symlink_to(tree / "bin/python3.11")
    (tree / "lib/libpython3.11.a").write_text("static")
    (tree / "lib/python3.11/test/test_x.py").write_text("")
    (tree / "lib/python3.11/site-packages/extra/x.py").write_text("")
    (tree / "lib/python3.11/json/__pycache__/x.pyc").write_text("")
    (tree / "lib/python3.11/json/secret.py").write_text("private = 1")
    (tree / "lib/python3.11/json/secret.py").chmod(0o600)
    return tree


def test_what_everybody_can_read_stays_where_it_is(home: Home) -> None:
    """Nothing is copied without need."""
    assert adopt(Path("/usr/share"), home) == Path("/usr/share")
    assert list(home.toolchains.iterdir()) == []


def test_a_hidden_tree_becomes_readable(home: Home, hidden: Path) -> None:
    """All others can read and run the copy; links lead into it; what nobody needs to run stays behind."""
    copy = adopt(hidden, home)
    assert copy.is_relative_to(home.toolchains)
    assert all(readable_by_all(p) for p in copy.rglob("*") if not p.is_symlink())
    assert (copy / "bin/absolute").resolve() == (copy / "bin/python3.11").resolve()
    assert subprocess.run([copy / "bin/python3"], capture_output=True, text=True, check=True).stdout == "works\n"
    assert not (copy / "lib/libpython3.11.a").exists()
    assert not (copy / "lib/python3.11/test").exists()
    assert list((copy / "lib/python3.11/site-packages").iterdir()) == []
    assert (copy / "lib/python3.11/json/__pycache__/x.pyc").exists()


def test_blocks_are_shared_where_they_can_be(home: Home, hidden: Path) -> None:
    """A readable file of ours is linked; a private one is copied, and the original keeps its mode."""
    copy = adopt(hidden, home)
    assert (copy / "bin/python3.11").stat().st_ino == (hidden / "bin/python3.11").stat().st_ino
    private = hidden / "lib/python3.11/json/secret.py"
    assert (copy / "lib/python3.11/json/secret.py").stat().st_ino != private.stat().st_ino
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_adopting_is_done_once_and_again_after_a_change(home: Home, hidden: Path) -> None:
    """The same tree gives the same copy, eight callers at once too; a changed one another; nothing half done stays."""
    with ThreadPoolExecutor(8) as pool:
        copies = set(pool.map(lambda _: adopt(hidden, home), range(8)))
    assert len(copies) == 1
    os.utime(hidden, (1, 1))
    assert adopt(hidden, home) not in copies
    assert len(list(home.toolchains.iterdir())) == 2


@pytest.mark.needs("root")
def test_the_real_interpreter_runs_for_another_user(home: Home) -> None:
    """Adopted or where it is, an ordinary user can run it and import from it, compiled modules too."""
    found = find_python(LINE)
    prefix = adopt(found.base_prefix, home)
    executable = prefix / found.executable.relative_to(found.base_prefix)
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-i"]
    code = "import sys, ssl, sqlite3, ctypes, json, asyncio, venv; print(sys.prefix)"
    done = subprocess.run([*drop, str(executable), "-I", "-c", code], capture_output=True, text=True, cwd="/")
    assert done.stdout.strip() == str(prefix), done.stderr
    maps = "print([l.split()[-1] for l in open('/proc/self/maps') if 'libpython' in l])"
    loaded = subprocess.run([*drop, str(executable), "-I", "-c", maps], capture_output=True, text=True, cwd="/").stdout
    assert all(path.startswith(str(prefix)) for path in ast.literal_eval(loaded))


def test_the_python_we_run_on_is_found() -> None:
    """By its line and by its exact version, as the installation below any virtual environment."""
    exact = ".".join(map(str, sys.version_info[:3]))
    line = ".".join(map(str, sys.version_info[:2]))
    assert find_python(exact).version == exact
    found = find_python(line)
    assert found.version.startswith(f"{line}.")
    assert str(found.base_prefix) != sys.prefix or sys.prefix == sys.base_prefix
    assert found.executable.is_file()


def test_a_missing_version_says_what_is_there() -> None:
    """Refused, with what was looked for and what was found."""
    for find, version in ((find_python, "3.99"), (find_node, "1.2")):
        with pytest.raises(Refused) as caught:
            find(version)
        assert caught.value.code == "toolchain.missing"
        assert version in caught.value.message
    with pytest.raises(Refused) as caught:
        find_python("3.99")
    assert ".".join(map(str, sys.version_info[:3])) in caught.value.because


@pytest.mark.parametrize("version", ["../..", "3;rm -rf", "3.11\0", "*", "3.11/../../x", "-c"])
def test_a_hostile_version_is_only_missing(version: str) -> None:
    """It is compared, never executed and never a path."""
    with pytest.raises(Refused):
        find_python(version)


@pytest.mark.needs("node")
def test_node_is_found() -> None:
    """On the machine or in its package."""
    found = find_node("")
    said = subprocess.run([found.executable, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"v{found.version}"
