"""Reading caught messages. They are what an application made of what people typed: nothing in them is trusted."""

from __future__ import annotations

import email
import email.policy
import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from greenroom.adapters.mail.catcher import ENVELOPE, order
from greenroom.ports.mail import Caught, Letter

LARGEST_TEXT = 1 << 20
"""Characters of a text that is shown."""
HEAD = 64 << 10
"""Bytes of a message that are read for a list."""
_NAME = re.compile(r"[0-9]{1,20}\.[A-Za-z0-9_.=,:-]{1,150}")


def names(box: Path) -> list[str]:
    """The messages of a Maildir, newest first."""
    try:
        found = [e.name for e in os.scandir(box / "new") if e.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted((n for n in found if _NAME.fullmatch(n)), key=order, reverse=True)


def is_name(text: str) -> bool:
    """True for what may be a message's file name, and leads nowhere else."""
    return _NAME.fullmatch(text) is not None


def caught(box: Path, name: str) -> Caught | None:
    """What a list says of a message; None when it is gone."""
    found = _read(box, name, HEAD)
    return found and _caught(name, _parsed(found[0]), found[1])


def letter(box: Path, name: str) -> Letter | None:
    """A message with its parts; None when it is gone."""
    found = _read(box, name, None)
    if found is None:
        return None
    message = _parsed(found[0])
    return Letter(
        caught=_caught(name, message, found[1]),
        headers=tuple((k, _plain(v)) for k, v in message.items() if k not in ENVELOPE),
        text=_text(message, "plain"),
        html=_text(message, "html"),
        attached=tuple(_plain(part.get_filename() or "unnamed") for part in _attachments(message)),
    )


def _read(box: Path, name: str, most: int | None) -> tuple[bytes, os.stat_result] | None:
    """Only a plain file: the directory belongs to the server that faces applications, not to us."""
    try:
        handle = os.open(box / "new" / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        return (file.read(most if most is not None else -1), status) if stat.S_ISREG(status.st_mode) else None


def _parsed(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.compat32.clone(message_factory=EmailMessage))  # type: ignore[arg-type]


def _caught(name: str, message: EmailMessage, status: os.stat_result) -> Caught:
    return Caught(
        id=name,
        at=datetime.fromtimestamp(status.st_mtime, UTC),
        sender=_plain(message.get(ENVELOPE[0], "")),
        to=tuple(_plain(v) for v in message.get_all(ENVELOPE[1], [])),
        subject=_decoded(message.get("Subject", "")),
        bytes=status.st_size,
    )


def _decoded(value: str) -> str:
    """A header's text, RFC 2047 words decoded; as it stands where they are broken."""
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        return _plain(str(make_header(decode_header(value))))
    except (HeaderParseError, LookupError, ValueError):
        return _plain(value)


def _plain(value: object) -> str:
    return " ".join(str(value).split())[:1000]


def _text(message: EmailMessage, kind: str) -> str | None:
    for part in _leaves(message):
        if part.get_content_type() == f"text/{kind}" and part.get_content_disposition() != "attachment":
            data = part.get_payload(decode=True)
            charset = part.get_content_charset() or "utf-8"
            raw = data if isinstance(data, bytes) else b""
            try:
                return raw.decode(charset, "replace")[:LARGEST_TEXT]
            except LookupError:
                return raw.decode("utf-8", "replace")[:LARGEST_TEXT]
    return None


def _attachments(message: EmailMessage) -> Iterator[EmailMessage]:
    return (p for p in _leaves(message) if p.get_content_disposition() == "attachment" or p.get_filename())


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    return (part for part in message.walk() if not part.is_multipart())
