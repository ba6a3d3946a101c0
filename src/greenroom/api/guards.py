"""What every request passes before anything of it is read: its host, its size, its patience.

Plain ASGI, so that streams flow through untouched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.api.errors import as_response
from greenroom.domain.errors import BadInput, GreenroomError

LARGEST_BODY = 1024 * 1024
BODY_SECONDS = 15.0
"""A body of at most 1 MiB on loopback takes milliseconds; who sends slower holds a connection for nothing."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class Guards:
    """Answers only to its own names (a page elsewhere may resolve its own name to 127.0.0.1), reads small bodies."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = LOOPBACK | {h.lower() for h in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check_host(scope)
            body = await _body(scope, receive)
        except GreenroomError as refused:
            await as_response(refused)(scope, receive, _with_headers(send))
            return
        await self._app(scope, _replayed(body, receive), _with_headers(send))

    def _check_host(self, scope: Scope) -> None:
        given = [v.decode("latin-1") for k, v in scope["headers"] if k == b"host"]
        if len(given) != 1 or _without_port(given[0]) not in self._hosts:
            said = repr(given[0][:80]) if given else "nothing"
            raise BadInput("request.host", f"this is not the host {said}", hint="use http://127.0.0.1 and its port")


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


async def _body(scope: Scope, receive: Receive) -> list[Message]:
    """All of it, at most 1 MiB. Raises BadInput (`request.too_large`, `request.timeout`)."""
    sizes = [v for k, v in scope["headers"] if k == b"content-length"]
    if any(not v.isdigit() or int(v) > LARGEST_BODY for v in sizes):
        raise _too_large()
    messages: list[Message] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                messages.append(message)
                size += len(message.get("body", b""))
                if size > LARGEST_BODY:
                    raise _too_large()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return messages
    except TimeoutError:
        raise BadInput(
            "request.timeout",
            f"the request did not arrive within {BODY_SECONDS:.0f} s",
            hint="send it again, over a faster connection",
        ) from None


def _too_large() -> BadInput:
    return BadInput("request.too_large", f"a request has at most {LARGEST_BODY // 1024} KiB", hint="send less")


def _replayed(messages: list[Message], receive: Receive) -> Receive:
    """Gives the messages out again, then whatever follows (the client going away)."""
    left = iter(messages)

    async def next_message() -> Message:
        for message in left:
            return message
        return await receive()

    return next_message


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *HEADERS]}
        await send(message)

    return sending
