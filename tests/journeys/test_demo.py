"""`make demo`, whole, and the README's tour after it: what a newcomer sees first is true."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.home import Home
from greenroom.adapters.runtimes import users
from tests.docs.pages import page, shape
from tests.life_support import processes_of
from tests.runtime_support import remove_user

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

README = page("README.md")
PROGRAMS = Path(sys.executable).parent
DEMO = PROGRAMS / "greenroom-demo"


@dataclass(frozen=True)
class Demo:
    """A demo that has run: its exit code, what a person read, and its report."""

    root: Path
    code: int
    said: str
    report: dict[str, Any]

    def types(self, line: str) -> str:
        """A line of the tour, in the shell that the demo's end describes."""
        env = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
        env["GREENROOM_HOME"] = str(self.root / "home")
        words = shlex.split(line)
        done = subprocess.run(
            words, cwd=self.root / "repository", env=env, text=True, capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{line}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """It ran once; afterwards no process, user or file of it is left."""
    parent = Path(tempfile.mkdtemp(prefix="greenroom-demo-", dir="/tmp"))  # other users must reach it
    parent.chmod(0o711)
    root, report = parent / "demo", parent / "report.json"
    options = ["--directory", root]
    try:
        done = subprocess.run(
            [DEMO, "start", *options, "--report", report], text=True, capture_output=True, timeout=800, check=False
        )
        told = json.loads(report.read_text()) if report.exists() else {}
        yield Demo(root, done.returncode, done.stdout + done.stderr, told)
    finally:
        subprocess.run([DEMO, "stop", *options], check=True, capture_output=True, timeout=120)
        assert processes_of(root) == []
        _remove_users(Home.at(root / "home"))
        shutil.rmtree(parent)


def _remove_users(home: Home) -> None:
    names = [users.edge_group(home), users.build_user(home), users.mail_user(home)]
    names += [users.environment_user(home, "ihatemoney", e.name) for e in home.environments.iterdir()]
    for name in {p.pw_name for p in pwd.getpwall()} & set(names):
        remove_user(name)
    shutil.rmtree(home.run)


def test_all_of_it_holds(demo: Demo) -> None:
    """It ends with exit code 0, and its report says why."""
    assert demo.code == 0, demo.said
    assert demo.report["ok"] and demo.report["production_traffic"]["failed"] == 0


def test_the_report_has_what_others_read(demo: Demo) -> None:
    """Its fields are the documented ones."""
    report = demo.report
    assert {"name", "kind", "release", "version", "url"} <= set(report["environments"][0])
    assert {"environment", "release", "seconds", "application_seconds", "steps"} <= set(report["promotions"][0])
    assert {"requests", "failed", "p50_ms", "p99_ms", "steady_p99_ms"} <= set(report["production_traffic"])
    assert set(report["rollback"]) == {"seconds", "failed"} and set(report["ledger"]) == {"entries", "verified"}


@pytest.mark.parametrize("line", README.shown())
def test_the_tour_shows_what_is_printed(demo: Demo, line: str) -> None:
    """Each output of the README is that of the command above it, but for numbers, days and digests."""
    assert shape(demo.types(line)) == shape(README.shown()[line])


@pytest.mark.parametrize(
    "line",
    [
        "greenroom work list",
        "greenroom release show 7.2.1",
        "greenroom restore-point list production",
        "greenroom rollback production --dry-run",
        "greenroom ledger verify",
        "greenroom doctor",
    ],
)
def test_the_rest_of_the_tour_works(demo: Demo, line: str) -> None:
    """What the README proposes to try next answers, and is really proposed there."""
    assert line in " ".join(README.text.split())
    assert demo.types(line)
