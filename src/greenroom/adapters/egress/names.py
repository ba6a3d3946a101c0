"""What allowed host names resolve to, kept fresh beside everything else: a resolver may take its time.

Remembered in a file: whoever begins anew says the last known until something newer is told. Rules without them would
cut off, for as long as the resolver takes, what was allowed the moment before.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import structlog

from greenroom.adapters.sealing.files import write_atomically

RENEWED_SECONDS = 30.0
KEPT_SECONDS = 600.0
"""How long an address is allowed that a name had: applications remember addresses, and names with many take turns."""
WAITED_SECONDS = 5.0
LONGEST = 32
"""Addresses of one name."""

log = structlog.get_logger(__name__)

Resolve = Callable[[str], Collection[str]]


def addresses_of(host: str) -> Collection[str]:
    """As this machine resolves it; nothing when it cannot be resolved now."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return {str(info[4][0]).partition("%")[0] for info in found}


def resolvers(file: Path = Path("/etc/resolv.conf")) -> frozenset[str]:
    """The name servers that programs of this machine ask, as resolv.conf(5) has them."""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    named = (words[1] for words in (line.split() for line in lines) if len(words) > 1 and words[0] == "nameserver")
    return frozenset(address.partition("%")[0] for address in named if _is_address(address.partition("%")[0]))


class Names:
    """Thread-safe. A name of which nothing is known is waited for a moment; else the newest known is given at once.

    `file` is where the last known is remembered; what it says counts as told when it is read.
    """

    def __init__(
        self, monotonic: Callable[[], float], resolve: Resolve = addresses_of, file: Path | None = None
    ) -> None:
        self._monotonic, self._resolve, self._file = monotonic, resolve, file
        self._lock = threading.Lock()
        self._remembered = _read(file)
        now = monotonic()
        self._seen = {host: dict.fromkeys(found, now) for host, found in self._remembered.items()}
        """host -> address -> when it was last told"""
        self._asked: dict[str, float] = {}
        self._under_way: set[str] = set()
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="names")

    def of(self, hosts: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Every host's addresses; none for one that never resolved."""
        wanted, now = sorted(set(hosts)), self._monotonic()
        with self._lock:
            fresh = [h for h in wanted if h not in self._asked and h not in self._seen]
            due = [h for h in wanted if h not in self._under_way and now - self._asked.get(h, -1e9) > RENEWED_SECONDS]
            self._under_way |= set(due)
            self._asked |= dict.fromkeys(due, now)
        asked = {h: self._pool.submit(self._ask, h) for h in due}
        wait([asked[h] for h in fresh if h in asked], timeout=WAITED_SECONDS)
        with self._lock:
            known = {h: self._kept(h) for h in wanted}
            self._remember(known)
            return known

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, host: str) -> None:
        try:
            found = self._resolve(host)
        finally:
            with self._lock:
                self._under_way.discard(host)
        with self._lock:
            self._seen.setdefault(host, {}).update(dict.fromkeys(found, self._monotonic()))

    def _remember(self, known: dict[str, tuple[str, ...]]) -> None:
        """Of names that are still asked for, and of which something is known."""
        found = {host: list(addresses) for host, addresses in known.items() if addresses}
        if self._file is None or found == self._remembered:
            return
        try:
            write_atomically(self._file, json.dumps(found).encode(), mode=0o600)
        except OSError as error:  # the disk is full: it costs the next life a wait
            log.warning("egress.names_not_remembered", error=str(error))
        self._remembered = found

    def _kept(self, host: str) -> tuple[str, ...]:
        now = self._monotonic()
        kept = {a: t for a, t in self._seen.get(host, {}).items() if now - t <= KEPT_SECONDS}
        newest = sorted(kept, key=lambda a: (-kept[a], a))[:LONGEST]
        self._seen[host] = {a: kept[a] for a in newest}
        return tuple(sorted(newest))


def _read(file: Path | None) -> dict[str, list[str]]:
    """Empty for what is not there or cannot be read: then names are looked up first. No text but an address."""
    try:
        said = json.loads(file.read_text()) if file is not None else {}
        return {str(host): [a for a in found if _is_address(str(a))] for host, found in said.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except OSError:
            continue
        return True
    return False
