"""Encryption at rest, in chunks: memory stays flat whatever the size, and a change of one bit is found and located.

    "GRB1" + 16 bytes of salt, then chunks of 1 MiB + 16 bytes; the last one is shorter, possibly empty

Each file has a key of its own: HKDF-SHA256 (RFC 5869) of the repository's key with the file's salt, bound to its path.
Chunks are AES-256-GCM; the nonce is the chunk's number and whether it is the last (the STREAM construction: Hoang,
Reyhanitabar, Rogaway, Vizár, 2015). So no chunk can be changed, left out, moved or cut off, and no file can stand in
for another.

A repository that is not encrypted has the same form under "GRP1", with a BLAKE2b checksum in place of the seal.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 1 << 20
TAG = 16
SALT = 16
SEALED, PLAIN = b"GRB1", b"GRP1"
HEAD = len(SEALED) + SALT


class Damaged(Exception):
    """What was read is not what was written; the text says where."""


class _Chunks(Protocol):
    def seal(self, number: int, is_last: bool, chunk: memoryview) -> bytes: ...
    def open(self, number: int, is_last: bool, chunk: memoryview, into: memoryview) -> None: ...


class _Sealed:
    def __init__(self, key: bytes, salt: bytes, path: str) -> None:
        self._aead = AESGCM(HKDF(SHA256(), 32, salt, b"greenroom backup\0" + path.encode()).derive(key))

    def seal(self, number: int, is_last: bool, chunk: memoryview) -> bytes:
        return self._aead.encrypt(_nonce(number, is_last), chunk, None)

    def open(self, number: int, is_last: bool, chunk: memoryview, into: memoryview) -> None:
        try:
            self._aead.decrypt_into(_nonce(number, is_last), chunk, None, into)
        except InvalidTag:
            raise Damaged(f"chunk {number}, from byte {HEAD + number * (CHUNK + TAG)}") from None


class _Plain:
    def __init__(self, salt: bytes, path: str) -> None:
        self._start = salt + path.encode()

    def seal(self, number: int, is_last: bool, chunk: memoryview) -> bytes:
        return b"".join((chunk, self._sum(number, is_last, chunk)))

    def open(self, number: int, is_last: bool, chunk: memoryview, into: memoryview) -> None:
        into[:] = chunk[:-TAG]
        if chunk[-TAG:] != self._sum(number, is_last, into):
            raise Damaged(f"chunk {number}, from byte {HEAD + number * (CHUNK + TAG)}")

    def _sum(self, number: int, is_last: bool, chunk: bytes | memoryview) -> bytes:
        found = hashlib.blake2b(self._start + _nonce(number, is_last), digest_size=TAG)
        found.update(chunk)
        return found.digest()


def sealed(parts: Iterable[bytes], key: bytes | None, path: str) -> Iterator[bytes]:
    """What to store under `path`. `key` None: not encrypted, checksums only."""
    salt = secrets.token_bytes(SALT)
    chunks = _chunks(key, salt, path)
    yield (SEALED if key is not None else PLAIN) + salt
    for number, is_last, chunk in _cut(parts, CHUNK):
        yield chunks.seal(number, is_last, chunk)


def opened(parts: Iterable[bytes], key: bytes | None, path: str, held: int = 0) -> Iterator[memoryview]:
    """The reverse. Raises Damaged; what came before it was intact.

    `held`: so many pieces of memory are used by turns, each again once that many more were asked for. 0: never.
    """
    blocks = iter(parts)
    head, rest = _head(blocks)
    if head[:4] == SEALED and key is None:
        raise Damaged("it is encrypted, and there is no key")
    if head[:4] not in (SEALED, PLAIN):
        raise Damaged("it does not begin as a file of this repository")
    chunks = _chunks(key if head[:4] == SEALED else None, head[4:], path)
    memory = [memoryview(bytearray(CHUNK)) for _ in range(held)]
    for number, is_last, chunk in _cut(_with(rest, blocks), CHUNK + TAG):
        if len(chunk) < TAG:
            raise Damaged(f"it is cut off in chunk {number}")
        size = len(chunk) - TAG
        into = memory[number % held][:size] if held else memoryview(bytearray(size))
        chunks.open(number, is_last, chunk, into)
        yield into


def _chunks(key: bytes | None, salt: bytes, path: str) -> _Chunks:
    return _Plain(salt, path) if key is None else _Sealed(key, salt, path)


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _head(blocks: Iterator[bytes]) -> tuple[bytes, bytes]:
    found = b""
    while len(found) < HEAD:
        block = next(blocks, None)
        if block is None:
            raise Damaged("it is cut off at its beginning")
        found += block
    return found[:HEAD], found[HEAD:]


def _with(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _cut(parts: Iterable[bytes], size: int) -> Iterator[tuple[int, bool, memoryview]]:
    """Pieces of exactly `size`; the last one, marked so, is shorter: so its end is known without looking ahead.

    One that lies in one part is given as it lies there. Others are put together in the same memory, and each is gone
    when the next is asked for: a new megabyte for each takes longer than opening it.
    """
    number, have = 0, 0
    piece = memoryview(bytearray(size))
    for part in parts:
        rest = memoryview(part)
        while have + len(rest) >= size:
            more = size - have
            if have:
                piece[have:] = rest[:more]
            yield number, False, piece if have else rest[:more]
            rest = rest[more:]
            number, have = number + 1, 0
        piece[have : have + len(rest)] = rest
        have += len(rest)
    yield number, True, piece[:have]
