"""Secrets in files: one per environment, each value sealed with AES-256-GCM (NIST SP 800-38D).

The room, the environment and the name are associated data of each value, so a ciphertext that is copied to
another place, environment or name does not open there. The key lies in `home.private`, apart from the values.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from contextlib import AbstractContextManager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.sealing.files import write_atomically
from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.names import NAME, VARIABLE
from greenroom.domain.secret import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
LONGEST = 64 * 1024
"""An environment variable longer than this makes programs hard to start (Linux allows 128 KiB for one)."""


class FileSecrets:
    """Fulfils `ports.secrets.Secrets`. `room` keeps sets apart that must never be handed out together."""

    def __init__(self, home: Home, room: str = "secrets") -> None:
        self._room = room
        self._directory = home.private / room
        self._key_file = home.private / "secrets.key"

    def values(self, environment: str) -> dict[str, Secret]:
        return {name: self._open(environment, name, text) for name, text in self._read(environment).items()}

    def put(self, environment: str, name: str, value: Secret) -> None:
        """Keep the value, replacing the one of that name. Raises BadInput (`secrets.invalid`)."""
        check_secret(name, value)
        with self._held(environment):
            stored = self._read(environment)
            stored[name] = self._seal(environment, name, value)
            self._write(environment, stored)

    def remove(self, environment: str, name: str) -> bool:
        with self._held(environment):
            stored = self._read(environment)
            found = stored.pop(name, None) is not None
            if found:
                self._write(environment, stored)
            return found

    def digest(self, value: Secret) -> str:
        """HMAC-SHA256 (RFC 2104), with a key of its own that is derived from the key of the secrets."""
        key = hmac.digest(self._key(), b"greenroom: comparing secrets", "sha256")
        return hmac.digest(key, value.reveal().encode(), "sha256").hex()

    def forget(self, environment: str) -> None:
        """Remove all of them. Idempotent."""
        with self._held(environment):
            self._file(environment).unlink(missing_ok=True)

    def names(self, environment: str) -> list[str]:
        return sorted(self._read(environment))

    def _seal(self, environment: str, name: str, value: Secret) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        bound = self._bound(environment, name)
        return base64.b64encode(nonce + AESGCM(self._key()).encrypt(nonce, value.reveal().encode(), bound)).decode()

    def _open(self, environment: str, name: str, text: str) -> Secret:
        try:
            sealed = base64.b64decode(text, validate=True)
            bound = self._bound(environment, name)
            plain = AESGCM(self._key()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
            return Secret(plain.decode())
        except (InvalidTag, ValueError) as error:
            raise self._unreadable(environment, f"{name} was not sealed for this place with this key") from error

    def _bound(self, environment: str, name: str) -> bytes:
        return json.dumps([self._room, environment, name]).encode()

    def _key(self) -> bytes:
        """The key; made on first use, never made anew where values exist that another key sealed."""
        try:
            key = self._key_file.read_bytes() if self._key_file.exists() else self._make_key()
        except OSError as error:
            raise Errored(
                "secrets.unreadable",
                "the key of the secrets cannot be read",
                because=str(error),
                hint="make the file readable for the user who runs Greenroom, or restore it from a backup",
            ) from error
        if len(key) != KEY_BYTES:
            raise Errored("secrets.unreadable", f"{self._key_file} is not a key", hint="restore it from a backup")
        return key

    def _make_key(self) -> bytes:
        private = self._key_file.parent
        with locked(private / ".secrets.key.lock"):
            if not self._key_file.exists():
                if any(private.glob("*/*.secrets.json")):
                    raise Errored(
                        "secrets.unreadable",
                        "the key of the secrets is gone",
                        because=f"{self._key_file} does not exist, and sealed values do",
                        hint="restore it from a backup, or remove the sealed values and set them again",
                    )
                write_atomically(self._key_file, secrets.token_bytes(KEY_BYTES), 0o600)
            return self._key_file.read_bytes()

    def _file(self, environment: str) -> Path:
        check_environment(environment)
        return self._directory / f"{environment}.secrets.json"

    def _held(self, environment: str) -> AbstractContextManager[None]:
        file = self._file(environment)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        return locked(file.with_name(f".{environment}.lock"))

    def _read(self, environment: str) -> dict[str, str]:
        try:
            stored = json.loads(self._file(environment).read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise self._unreadable(environment, str(error)) from error
        if not isinstance(stored, dict) or not all(isinstance(v, str) for v in stored.values()):
            raise self._unreadable(environment, "the file is not a set of secrets")
        return stored

    def _write(self, environment: str, stored: dict[str, str]) -> None:
        write_atomically(self._file(environment), json.dumps(stored, indent=1, sort_keys=True).encode(), 0o600)

    def _unreadable(self, environment: str, because: str) -> Errored:
        return Errored(
            "secrets.unreadable",
            f"the secrets of {environment} cannot be read",
            because=because,
            hint=f"restore {self._directory} and {self._key_file.name} from one backup, or set them again",
        )


def check_environment(environment: str) -> None:
    """Raise BadInput (`name.invalid`) for what could lead outside; Greenroom's own reserved names may hold secrets."""
    if not NAME.fullmatch(environment):
        raise BadInput(
            "name.invalid",
            f"environment {environment[:80]!r} is not a valid name",
            hint="greenroom status shows the environments there are",
        )


def check_secret(name: str, value: Secret) -> None:
    """Raise BadInput (`secrets.invalid`) unless both can become an environment variable."""
    if not VARIABLE.fullmatch(name):
        raise BadInput(
            "secrets.invalid",
            f"{name[:80]!r} cannot name a secret",
            because="secrets become environment variables",
            hint="use letters, digits and underscores, not a digit first",
        )
    plain = value.reveal()
    if "\0" in plain or len(plain.encode(errors="surrogatepass")) > LONGEST or not _is_text(plain):
        raise BadInput(
            "secrets.invalid",
            f"the value of {name} cannot be an environment variable",
            because=f"it holds a zero byte, is no valid text, or is longer than {LONGEST} bytes",
            hint="give it as plain text; what is binary in base64",
        )


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
