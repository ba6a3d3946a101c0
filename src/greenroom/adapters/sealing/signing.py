"""Who sealed it: one ed25519 key per home, in-toto statements in DSSE envelopes.

Envelope: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md (v1).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._key import Key

from greenroom.adapters.sealing.files import sync_directory, write_atomically
from greenroom.domain.canonical import canonical
from greenroom.domain.errors import Errored

PAYLOAD_TYPE = "application/vnd.in-toto+json"
ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"


class Keyring:
    """The sealing key in `directory` (0700): made once, private 0600; every public key ever used stays trusted.

    Remove a file `*.pub.json` to stop trusting what its key sealed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._private = directory / "sealing-key.pem"

    def sign(self, statement: dict[str, Any]) -> bytes:
        """The envelope, canonical JSON. Ed25519 is deterministic: same statement, same key, same bytes."""
        envelope = Envelope(canonical(statement), PAYLOAD_TYPE, {})
        envelope.sign(self._signer())
        return canonical(envelope.to_dict())

    def opened(self, envelope: bytes) -> dict[str, Any] | None:
        """The statement inside, or None when no trusted key signed exactly these bytes."""
        try:
            read = Envelope.from_dict(json.loads(envelope))
            if read.payload_type != PAYLOAD_TYPE:
                return None
            read.verify(self._trusted(), 1)
            statement = json.loads(read.payload)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, VerificationError):
            return None
        return statement if isinstance(statement, dict) else None

    def key_id(self) -> str:
        """The identifier of the key that signs now."""
        return str(self._signer().public_key.keyid)

    def _signer(self) -> CryptoSigner:
        if not self._private.exists():
            self._make()
        try:
            key = load_pem_private_key(self._private.read_bytes(), None)
        except (ValueError, OSError, UnsupportedAlgorithm) as error:
            raise self._unreadable(str(error)) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise self._unreadable("it is not an ed25519 key")
        return CryptoSigner(key)

    def _make(self) -> None:
        signer = CryptoSigner.generate_ed25519()
        public = signer.public_key
        record = canonical({"keyid": public.keyid, "key": public.to_dict()})
        write_atomically(self._directory / f"sealing-{public.keyid[:16]}.pub.json", record)
        temporary = self._directory / f".tmp-key-{os.getpid()}-{public.keyid[:16]}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(signer.private_bytes)
            os.fsync(file.fileno())
        try:
            self._private.hardlink_to(temporary)
        except FileExistsError:
            pass  # two seals at once: the first key made is the key
        finally:
            temporary.unlink()
        sync_directory(self._directory)

    def _trusted(self) -> list[Key]:
        keys: list[Key] = []
        for path in sorted(self._directory.glob("sealing-*.pub.json")):
            record = json.loads(path.read_bytes())
            keys.append(Key.from_dict(record["keyid"], record["key"]))
        return keys

    def _unreadable(self, because: str) -> Errored:
        return Errored(
            "seal.key_unreadable",
            f"the sealing key {self._private} cannot be used",
            because=because,
            hint="put the key back from a backup, or remove it: a new one is made at the next seal",
        )
