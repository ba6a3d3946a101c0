"""Greenroom as an ordinary user: no users to make, the same keeper and sandbox, and it says what is missing."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pydantic
import pytest

from greenroom.adapters.home import Home
from greenroom.adapters.runtimes.toolchain import adopt, find_python
from tests.runtime_support import LINE, PYTHON, made_home, remove_user

STORY = """
import json, os, sys, time
from pathlib import Path
from tests.runtime_support import *
from tests.twins import ANY_CLAIM
from greenroom.adapters.runtimes.process import ProcessRuntime
above = Path(sys.argv[1]); sandboxed = sys.argv[2] == 'sandbox'
home = Home.at(above / 'h')
try:
    with kept(home) as keeper:
        runtime = ProcessRuntime(home, keeper, 'shop', 'auto' if sandboxed else None)
        place = runtime.prepare('dev')
        found = toolchain.find_python(LINE)
        unpacked = release(home, found)
        spec = web(place, unpacked)
        runtime.start(spec, fence=ANY_CLAIM)
        path = spec.dial.removeprefix('unix/')
        eventually(lambda: get(path))
        seen = json.loads(get(path))
        words = ('sh', '-c', 'touch $HOME/ok; (setsid sleep 311.' + str(os.getpid()) + ' &); exit 5')
        ended = runtime.run(place, unpacked, words, {}, seconds=20, log_name='x.log')
        stopped = keeper.stop('app/web-1').last_exit
        print(json.dumps({'isolation': runtime.isolation(), 'user': place.user, 'seen': seen, 'code': ended.code,
                          'output': ended.output, 'stopped': stopped,
                          'left': [p for p in processes_with('sleep\\0311.' + str(os.getpid()))]}))
finally:
    shutil.rmtree(home.run)
"""


@pytest.fixture(scope="module")
def nobody() -> Iterator[tuple[list[str], Path]]:
    """How to run our Python as a user that may nothing, and a directory of theirs."""
    if os.geteuid() != 0:
        above = Path(tempfile.mkdtemp(prefix="gr-plain-"))
        yield [sys.executable], above
        shutil.rmtree(above)
        return
    user = f"gr-ordinary-{os.getpid()}"
    subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", user], check=True)
    entry = pwd.getpwnam(user)
    above = Path(tempfile.mkdtemp(prefix="gr-plain-"))
    os.chown(above, entry.pw_uid, entry.pw_gid)
    try:
        with made_home() as home:
            python = _readable_python(home)
            drop = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
            yield [*drop, str(python)], above
    finally:
        shutil.rmtree(above)
        remove_user(user)


def _readable_python(home: Home) -> Path:
    found = find_python(LINE)
    return adopt(found.base_prefix, home) / "bin" / PYTHON


@pytest.mark.parametrize("how", [pytest.param("sandbox", marks=pytest.mark.needs("bwrap")), "bare"])
def test_the_whole_story(nobody: tuple[list[str], Path], how: str) -> None:
    """Prepared, started, answered, run, stopped gracefully; nothing left; what does not separate is said."""
    python, above = nobody
    here = Path(__file__).parents[2]
    packages = ":".join([str(here), str(here / "src"), *_packages()])
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*python, "-c", STORY, str(above), how], env=env, cwd="/", capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["code"], said["output"], said["left"], said["stopped"]) == (5, "", [], "exit code 0")
    assert "one operating-system user" in said["isolation"]
    assert ("bubblewrap (" in said["isolation"]) == (how == "sandbox")
    assert said["seen"]["uid"] != 0 or os.geteuid() == 0
    assert said["seen"]["status"]["NoNewPrivs"] == "1"
    if how == "sandbox":
        assert said["seen"]["processes"] == ["1"]


def _packages() -> list[str]:
    return [str(Path(pydantic.__file__).parents[1])]
