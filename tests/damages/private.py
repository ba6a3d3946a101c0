"""Modes, keys and secrets."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

from tests.damages.ground import Damage, damage
from tests.life_support import Life


def as_printed(said: dict[str, Any]) -> None:
    """The command that the finding begins with."""
    command = said["next"].split(";")[0]
    assert command.startswith(("chmod ", "chown ")), command
    subprocess.run(shlex.split(command), check=True)


@damage
def the_private_directory_is_opened_up(life: Life) -> Damage:
    life.home.private.chmod(0o755)
    as_printed((yield "home", f"{life.home.private} is open to other users"))


@damage
def the_token_file_is_readable_by_all(life: Life) -> Damage:
    (life.home.private / "api.json").chmod(0o644)
    said = yield "home", "api.json is open to other users of this machine (mode 644)"
    assert "new tokens" in said["next"]
    as_printed(said)


@damage
def the_store_is_readable_by_all(life: Life) -> Damage:
    life.home.store.chmod(0o644)
    as_printed((yield "home", "greenroom.db is open to other users"))


@damage
def the_key_of_the_secrets_is_missing(life: Life) -> Damage:
    key = life.home.private / "secrets.key"
    kept = key.read_bytes()
    key.unlink()
    said = yield "secrets", "the key of the secrets is gone"
    assert "restore it from a backup" in said["next"]
    _private(key, kept)


@damage
def the_key_of_the_secrets_is_another(life: Life) -> Damage:
    key = life.home.private / "secrets.key"
    kept = key.read_bytes()
    _private(key, os.urandom(32))
    yield "secrets", "the secrets of dev cannot be read"
    _private(key, kept)


@damage
def the_key_of_the_secrets_is_cut_short(life: Life) -> Damage:
    key = life.home.private / "secrets.key"
    kept = key.read_bytes()
    _private(key, kept[:7])
    yield "secrets", "is not a key"
    _private(key, kept)


@damage
def the_secrets_of_an_environment_are_damaged(life: Life) -> Damage:
    file = life.home.private / "secrets" / "dev.secrets.json"
    kept = file.read_bytes()
    _private(file, kept[:-20])
    said = yield "secrets", "the secrets of dev cannot be read"
    assert "restore" in said["next"]
    _private(file, kept)


def _private(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    file.chmod(0o600)
