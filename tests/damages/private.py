"""Modes, keys and secrets."""

from __future__ import annotations

import base64
import json
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


@damage
def a_bit_of_a_secret_is_flipped(life: Life) -> Damage:
    """Only one value's text: the file reads well, and what it holds was not sealed so."""
    file = life.home.private / "secrets" / "dev.secrets.json"
    kept = file.read_bytes()
    stored = json.loads(kept)
    name, text = next(iter(stored.items()))
    sealed = bytearray(base64.b64decode(text))
    sealed[-1] ^= 1
    _private(file, json.dumps({**stored, name: base64.b64encode(sealed).decode()}).encode())
    said = yield "secrets", "the secrets of dev cannot be read"
    assert f"restore {file.parent} and secrets.key from one backup" in said["next"]
    _private(file, kept)


@damage
def the_secrets_of_another_place_lie_there(life: Life) -> Damage:
    """What was sealed for the database opens for no application."""
    file = life.home.private / "secrets" / "dev.secrets.json"
    kept = file.read_bytes()
    _private(file, (life.home.private / "database" / "dev.secrets.json").read_bytes())
    yield "secrets", "the secrets of dev cannot be read"
    _private(file, kept)


@damage
def the_passwords_of_a_database_are_damaged(life: Life) -> Damage:
    file = life.home.private / "database" / "dev.secrets.json"
    kept = file.read_bytes()
    _private(file, kept[:-20])
    said = yield "database dev", "the secrets of dev cannot be read"
    assert f"restore {file.parent} and secrets.key from one backup" in said["next"]
    _private(file, kept)


@damage
def the_secrets_are_readable_by_all(life: Life) -> Damage:
    (life.home.private / "secrets" / "dev.secrets.json").chmod(0o644)
    as_printed((yield "home", "dev.secrets.json is open to other users of this machine (mode 644)"))


if os.getuid() == 0:

    @damage
    def the_secrets_belong_to_somebody_else(life: Life) -> Damage:
        os.chown(life.home.private / "secrets" / "dev.secrets.json", 65534, -1)
        as_printed((yield "home", "dev.secrets.json belongs to another user (uid 65534)"))


def _private(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    file.chmod(0o600)
