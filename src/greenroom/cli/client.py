"""Asking the control plane, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from greenroom.cli.address import parsed
from greenroom.cli.credentials import Credentials
from greenroom.cli.nobody import unreachable
from greenroom.domain.errors import Errored, GreenroomError, from_dict

SECONDS = 300.0  # proving a long ledger takes its time
QUIET_SECONDS = 30.0  # a stream says at least every 10 s that it is there
LARGEST = 64 * 1024 * 1024
PREFIX = "/api/v1"


class Unreachable(Errored):
    """Nobody answered, or the answer broke off: asking again may help."""


class Client:
    """One request per call. Every answer that is no answer raises the GreenroomError that the control plane told."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self._scheme, self._host, self._port = parsed(credentials.url)

    def get(self, *path: str, **query: Any) -> Any:
        return self._json("GET", path, query)

    def part(self, *path: str, **query: Any) -> tuple[list[dict[str, Any]], int]:
        """A part of what there is, and how many there are altogether."""
        with self._answer("GET", path, query) as answer:
            content, total = self._whole(answer), answer.headers.get("X-Total-Count", "")
        found = self._read(content)
        return found, int(total) if total.isdecimal() else len(found)

    def post(self, *path: str, **body: Any) -> Any:
        return self._json("POST", path, body=body)

    def put(self, *path: str, **body: Any) -> Any:
        return self._json("PUT", path, body=body)

    def delete(self, *path: str, **query: Any) -> Any:
        return self._json("DELETE", path, query)

    def text(self, *path: str, **query: Any) -> str:
        with self._answer("GET", path, query) as answer:
            return self._whole(answer).decode("utf-8", "replace")

    def lines(
        self, *path: str, headers: dict[str, str] | None = None, quiet: float | None = SECONDS, **query: Any
    ) -> Iterator[str]:
        """A stream's lines as they come, without their ends. Raises Unreachable when it breaks off or falls silent."""
        with self._answer("GET", path, query, headers=headers, seconds=quiet) as answer:
            try:
                while line := answer.readline():
                    yield line.decode("utf-8", "replace").rstrip("\n")
            except (OSError, http.client.HTTPException) as error:
                raise _unreachable(self.credentials, error) from error

    def _json(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
    ) -> Any:
        with self._answer(method, path, query or {}, body) as answer:
            content = self._whole(answer)
        return self._read(content)

    def _read(self, content: bytes) -> Any:
        try:
            return json.loads(content) if content else None
        except ValueError as error:
            raise self._strange() from error

    @contextmanager
    def _answer(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, Any],
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        seconds: float | None = SECONDS,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer, if it is one of success."""
        target = "/".join([PREFIX, *(quote(p, safe="") for p in path)])
        given = {k: _said(v) for k, v in query.items() if v is not None}
        if given:
            target += "?" + urlencode(given)
        content = None if body is None else json.dumps({k: v for k, v in body.items() if v is not None}).encode()
        send = {"Authorization": f"Bearer {self.credentials.token}", "Accept": "*/*", **(headers or {})}
        if content is not None:
            send["Content-Type"] = "application/json"
        with closing(self._connection(seconds)) as connection:
            try:
                connection.request(method, target, content, send)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise _unreachable(self.credentials, error) from error
            if answer.status >= 300:
                raise self._problem(self._whole(answer))
            yield answer

    def _whole(self, answer: http.client.HTTPResponse) -> bytes:
        """Its body. Raises Unreachable when it breaks off, which `read(amount)` alone would not say.

        The control plane always says how long an answer is; a head that broke off does not.
        """
        told = answer.length is not None or answer.chunked
        try:
            content = answer.read(LARGEST)
            if not told or (answer.length and len(content) < LARGEST):
                raise http.client.IncompleteRead(content, answer.length)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(self.credentials, error) from error
        return content

    def _connection(self, seconds: float | None) -> http.client.HTTPConnection:
        if self._scheme == "https":
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=seconds, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=seconds)

    def _problem(self, content: bytes) -> GreenroomError:
        try:
            told = json.loads(content)
        except ValueError:
            told = None
        return from_dict(told) if isinstance(told, dict) and "code" in told else self._strange()

    def _strange(self) -> Errored:
        return Errored(
            "api.strange",
            f"what answers at {self.credentials.url} is no control plane of this version",
            hint="see whether another program took its port, and that both are of one version",
        )


def _unreachable(known: Credentials, error: Exception) -> Unreachable:
    said = unreachable(known, error)
    return Unreachable(said.code, said.message, because=said.because, hint=said.hint)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
