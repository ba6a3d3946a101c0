"""Secrets for development and tests: kept in memory, with the promises of the real ones."""

from __future__ import annotations

import hmac
import secrets as randomness

from greenroom.adapters.secretstore import check_environment, check_secret
from greenroom.domain.secret import Secret


class MemorySecrets:
    """Fulfils `ports.secrets.Secrets`; forgets everything with the process."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Secret]] = {}
        self._key = randomness.token_bytes(32)

    def values(self, environment: str) -> dict[str, Secret]:
        return dict(self._of(environment))

    def put(self, environment: str, name: str, value: Secret) -> None:
        check_secret(name, value)
        self._of(environment)[name] = value

    def remove(self, environment: str, name: str) -> bool:
        return self._of(environment).pop(name, None) is not None

    def digest(self, value: Secret) -> str:
        return hmac.new(self._key, value.reveal().encode(), "sha256").hexdigest()

    def names(self, environment: str) -> list[str]:
        return sorted(self._of(environment))

    def _of(self, environment: str) -> dict[str, Secret]:
        check_environment(environment)
        return self._kept.setdefault(environment, {})
