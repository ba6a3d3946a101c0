"""Making a cluster's data directory: whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from greenroom.adapters.postgres.connect import SUPERUSER
from greenroom.adapters.postgres.tools import Tools, is_caller, run
from greenroom.adapters.runtimes.users import User
from greenroom.adapters.sealing.files import sync_directory
from greenroom.domain.errors import Errored
from greenroom.domain.secret import Secret

INITDB_SECONDS = 300.0


def make_data(data: Path, tools: Tools, account: User, password: Secret, *more: str) -> None:
    """`initdb` beside `data`, then a rename: what is called `data` is complete. Does nothing when it is there.

    UTF-8, C.UTF-8 where the machine has it (else C), data checksums, passwords by SCRAM; owned by `account`, 0700.
    """
    if data.is_dir():
        return
    new, words = data.with_name(f"{data.name}.new"), data.with_name(f".{data.name}.password")
    shutil.rmtree(new, ignore_errors=True)
    words.unlink(missing_ok=True)
    try:
        _hand_over_directory(new, account)
        _hand_over_password(words, password, account)
        _initdb(new, tools, account, f"--pwfile={words}", *more)
        new.rename(data)
        sync_directory(data.parent)
    finally:
        words.unlink(missing_ok=True)
        shutil.rmtree(new, ignore_errors=True)


def _initdb(data: Path, tools: Tools, account: User, *more: str) -> None:
    argv = [tools.program("initdb"), f"--pgdata={data}", f"--username={SUPERUSER}", "--encoding=UTF8"]
    argv += ["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--data-checksums", *more]
    try:
        run([*argv, "--locale=C.UTF-8"], env=tools.env(), account=account, seconds=INITDB_SECONDS)
    except Errored as error:
        if "invalid locale name" not in error.because:
            raise
        run([*argv, "--locale=C"], env=tools.env(), account=account, seconds=INITDB_SECONDS)


def _hand_over_directory(path: Path, account: User) -> None:
    path.mkdir(mode=0o700)
    if not is_caller(account):
        os.chown(path, account.uid, account.gid)


def _hand_over_password(path: Path, password: Secret, account: User) -> None:
    """A file that only `account` reads, for the moment that initdb needs it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(password.reveal())
        if not is_caller(account):
            os.fchown(handle, account.uid, account.gid)
