"""Operating-system users: one per environment, so that the kernel keeps environments apart."""

from __future__ import annotations

import fcntl
import grp
import hashlib
import os
import pwd
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.domain.errors import Errored

LONGEST = 31  # useradd(8) takes 32 bytes with the final zero
LOCK = Path("/run/lock/greenroom-users")
ATTEMPTS = 20
ALREADY_THERE = 9  # exit code of useradd(8) and groupadd(8)
_VALID = re.compile(r"[a-z_][a-z0-9_-]{0,30}")


@dataclass(frozen=True)
class User:
    """An operating-system user with its own group."""

    name: str
    uid: int
    gid: int


def can_separate() -> bool:
    """True if this process may make users and become them."""
    return os.geteuid() == 0


def myself() -> User:
    """The user this process runs as; one without an entry in the password file is called by its number."""
    try:
        return User(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid())
    except KeyError:
        return User(str(os.geteuid()), os.geteuid(), os.getegid())


def environment_user(home: Home, project: str, environment: str) -> str:
    """The name of the user that runs an environment's application."""
    return _name(home, f"gr-{project}-{environment}")


def edge_group(home: Home) -> str:
    """The name of the group whose members (the proxy) may connect to applications' sockets."""
    return _name(home, "gr-edge")


def build_user(home: Home) -> str:
    """The name of the user that builds releases."""
    return _name(home, "gr-build")


def mail_user(home: Home) -> str:
    """The name of the user that catches environments' mail."""
    return _name(home, "gr-mail")


def ensure_user(name: str) -> User:
    """The system user of that name, made with a group of its own if absent; safe against a second maker.

    Raises Errored (`user.not_made`).
    """
    found = _user(name)
    if found is None:
        _make(["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
               "--shell", "/usr/sbin/nologin", name], lambda: _user(name) is not None)  # fmt: skip
        found = _user(name)
    if found is None:
        raise Errored(
            "user.not_made",
            f"the user {name} is not there after it was made",
            hint=f"getent passwd {name} says whether accounts come from elsewhere; make it there",
        )
    if found.uid == 0:
        raise Errored(
            "user.not_made",
            f"the user {name} is root under another name",
            hint=f"take {name} away or give it an id of its own: no release runs as root",
        )
    return found


def ensure_group(name: str) -> int:
    """The id of the system group of that name, made if absent. Raises Errored (`user.not_made`)."""
    if _group(name) is None:
        _make(["groupadd", "--system", name], lambda: _group(name) is not None)
    gid = _group(name)
    if gid is None:
        raise Errored(
            "user.not_made",
            f"the group {name} is not there after it was made",
            hint=f"getent group {name} says whether groups come from elsewhere; make it there",
        )
    return gid


def _name(home: Home, wish: str) -> str:
    """`wish`, cut, with a digest that tells this home and this wish from all others."""
    digest = hashlib.sha256(os.fsencode(home.root) + b"\0" + wish.encode()).hexdigest()[:6]
    return f"{wish[: LONGEST - 7].rstrip('-')}-{digest}"


def _make(command: list[str], is_there: object) -> None:
    name = command[-1]
    if not _VALID.fullmatch(name):
        raise Errored(
            "user.not_made",
            f"{name!r} is no name for a user or group",
            hint="this is a defect of Greenroom: please report it",
        )
    assert callable(is_there)  # noqa: S101
    said = ""
    for _ in range(ATTEMPTS):
        with _one_at_a_time():
            if is_there():
                return
            done = subprocess.run(
                command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
        if done.returncode in (0, ALREADY_THERE):
            return
        said = done.stderr.strip()
        time.sleep(0.1)  # another program holds the password file's lock
    raise Errored("user.not_made", f"{command[0]} could not make {name}", because=said, hint="look at /etc/passwd.lock")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _user(name: str) -> User | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return User(name, entry.pw_uid, entry.pw_gid)


def _group(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
