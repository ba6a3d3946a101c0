"""The core journey on the machines people have: root, bubblewrap and PostgreSQL 18 or not, odd surroundings."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.runtimes.toolchain import adopt, find_python
from tests.runtime_support import LINE, PYTHON, made_home, remove_user

HERE = Path(__file__).parents[2]
USER = f"gr-matrix-{os.getpid()}"
STORY = "import sys; from tests.matrix_story import main; main(*sys.argv[1:])"

pytestmark = pytest.mark.needs("postgres15")  # psql, and the older server


@pytest.fixture(scope="module")
def ordinary() -> Iterator[tuple[list[str], Path]]:
    """How to run our Python as a user that may nothing, and a directory of theirs."""
    if os.getuid() != 0:
        above = Path(tempfile.mkdtemp(prefix="gr-matrix-"))
        yield [sys.executable], above
        shutil.rmtree(above)
        return
    above = Path(tempfile.mkdtemp(prefix="gr-matrix-"))
    subprocess.run(["useradd", "--system", "--home-dir", above, "--shell", "/usr/sbin/nologin", USER], check=True)
    entry = pwd.getpwnam(USER)
    os.chown(above, entry.pw_uid, entry.pw_gid)
    try:
        with made_home() as home:
            prefix = adopt(find_python(LINE).base_prefix, home)
            packages = [str(HERE), str(HERE / "src"), sysconfig.get_path("purelib")]
            (prefix / "lib" / PYTHON / "site-packages").mkdir(exist_ok=True)
            (prefix / "lib" / PYTHON / "site-packages" / "greenroom.pth").write_text("\n".join(packages))
            for program in ("caddy", "uv"):
                shutil.copy(Path(sys.executable).with_name(program), prefix / "bin" / program)
            drop = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
            yield [*drop, str(prefix / "bin" / PYTHON)], above
    finally:
        shutil.rmtree(above)
        remove_user(USER)


@pytest.fixture(scope="module")
def without_bwrap() -> Iterator[str]:
    """A PATH on which everything of the system is but bubblewrap."""
    with tempfile.TemporaryDirectory(prefix="gr-path-") as made:
        Path(made).chmod(0o755)
        for directory in ("/usr/sbin", "/usr/bin"):
            for program in Path(directory).iterdir():
                link = Path(made, program.name)
                if program.name != "bwrap" and not link.is_symlink():
                    link.symlink_to(program)
        yield made


def told(who: list[str], home: str, path: str, *words: str, umask: int = 0o022, **surroundings: str) -> dict[str, Any]:
    """What the story says, in exactly these surroundings."""
    env = {"PATH": path, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8", **surroundings}
    done = subprocess.run(
        [*who, "-c", STORY, *words], env=env, cwd=HERE, umask=umask, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["verified"]["verified"] is True
    assert found["modes"] == {"private": "0o700", "greenroom.db": "0o600"}
    asked = datetime.fromisoformat(found["asked_at"][0])
    assert abs(datetime.now(UTC) - asked) < timedelta(minutes=30), "a time that is not UTC"
    return found


CASES = [
    pytest.param("root", "bwrap", "18", {}, id="root-bwrap-18", marks=pytest.mark.needs("root", "bwrap")),
    pytest.param(
        *("root", "bare", "15", {"name": "with spaces ", "TZ": "Pacific/Kiritimati", "LANG": "C", "LC_ALL": "C"}),
        id="root-bare-15-spaces-kiritimati-C",
        marks=[pytest.mark.needs("root"), pytest.mark.long],
    ),
    pytest.param("ordinary", "bare", "18", {"umask": 0o077, "TZ": "America/St_Johns"}, id="ordinary-bare-18-077"),
    pytest.param(
        *("ordinary", "bwrap", "15", {"name": "with spaces ", "umask": 0o077, "LANG": "C"}),
        id="ordinary-bwrap-15-spaces-077-C",
        marks=[pytest.mark.needs("bwrap"), pytest.mark.long],
    ),
]


@pytest.mark.parametrize(("who", "how", "postgres", "more"), CASES)
def test_the_journey_goes_well(
    ordinary: tuple[list[str], Path], without_bwrap: str, who: str, how: str, postgres: str, more: dict[str, Any]
) -> None:
    """Released, promoted with a migration, rolled back, nothing damaged, down; isolated as was asked."""
    more = dict(more)
    words = (postgres, more.pop("name", ""))
    path = without_bwrap if how == "bare" else "/usr/sbin:/usr/bin"
    command, home = ([sys.executable], "/root") if who == "root" else (ordinary[0], str(ordinary[1]))
    found = told(command, home, path, *words, **more)
    assert ("bubblewrap (" in found["isolation"]) is (how == "bwrap")
    assert (found["uid"] == 0) is (who == "root" or os.getuid() == 0 and who == "root")
    assert ("each environment has an operating-system user" in found["isolation"]) is (who == "root")
    assert (" " in found["root"]) is bool(words[1])
    assert found["offset"] == {"Pacific/Kiritimati": 50400, "America/St_Johns": -12600}.get(more.get("TZ", ""), 0)
    assert found["doctor"] == []
