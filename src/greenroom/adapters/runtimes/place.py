"""An environment's own ground on this machine: directories, owners, modes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.runtimes import users
from greenroom.adapters.runtimes.sandbox import Identity
from greenroom.domain.names import checked_name
from greenroom.ports.runtime import Place


def prepare(home: Home, project: str, environment: str) -> Place:
    """Make the directories and, as root, the user; put owners and modes right. Idempotent.

    env/NAME/data  kept by the application, 0700, its user's
    env/NAME/tmp   its /tmp, 0700, its user's
    env/NAME/logs  0700, Greenroom's own
    env/NAME/etc   what the sandbox shows as /etc/passwd and /etc/group
    s/NAME         its sockets: its user's, and of the proxy's group (set-group-id, so new sockets are too)
    """
    checked_name(environment, "environment")
    user = _user(home, project, environment)
    root = home.environments / environment
    us = (os.geteuid(), os.getegid())
    _directory(root, *us, 0o711)
    _directory(root / "data", user.uid, user.gid, 0o700)
    _directory(root / "tmp", user.uid, us[1], 0o710)
    _directory(root / "logs", *us, 0o700)
    _directory(root / "etc", *us, 0o755)
    _identity_files(root / "etc", user)
    sockets = home.sockets / environment
    if users.can_separate():
        _directory(sockets, user.uid, users.ensure_group(users.edge_group(home)), 0o2770)
    else:
        _directory(sockets, *us, 0o700)
    return Place(environment, root / "data", root / "tmp", sockets, root / "logs", user.name)


def identity(home: Home, project: str, environment: str) -> Identity | None:
    """Whom to become for the application; None when we are nobody to choose."""
    if not users.can_separate():
        return None
    user = users.ensure_user(users.environment_user(home, project, environment))
    return Identity(user.uid, user.gid)


def identity_files(place: Place) -> dict[str, Path]:
    """What stands in for the machine's own password and group files, which name everybody else."""
    etc = place.data.parent / "etc"
    return {"/etc/passwd": etc / "passwd", "/etc/group": etc / "group"}


def _user(home: Home, project: str, environment: str) -> users.User:
    if not users.can_separate():
        return users.myself()
    return users.ensure_user(users.environment_user(home, project, environment))


def _directory(path: Path, uid: int, gid: int, mode: int) -> None:
    """Never follows a link: what is below may belong to an application."""
    path.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if (found.st_uid, found.st_gid) != (uid, gid):
            os.fchown(fd, uid, gid)
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _identity_files(etc: Path, user: users.User) -> None:
    passwd = f"root:x:0:0::/nonexistent:/usr/sbin/nologin\n{user.name}:x:{user.uid}:{user.gid}::/nonexistent:/bin/sh\n"
    group = f"root:x:0:\n{user.name}:x:{user.gid}:\n"
    for name, text in (("passwd", passwd), ("group", group)):
        fd, temporary = tempfile.mkstemp(dir=etc)
        with os.fdopen(fd, "w") as file:
            file.write(text)
            os.fchmod(fd, 0o644)
        Path(temporary).rename(etc / name)
