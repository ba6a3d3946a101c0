"""`NftEgress`: one nftables table of this home's own judges what its environments' users begin.

private/egress.json          what was refused, added up
private/egress-names.json    what allowed names resolved to last
"""

from __future__ import annotations

import pwd
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import structlog

from greenroom.adapters.egress import dns
from greenroom.adapters.egress.account import Book
from greenroom.adapters.egress.listeners import listeners, own_endpoints, passing_ports
from greenroom.adapters.egress.names import Names, Resolve, addresses_of, resolvers
from greenroom.adapters.egress.nflog import Logged, PacketLog
from greenroom.adapters.egress.nft import Counters, Nft, NftFailed
from greenroom.adapters.egress.ruleset import MOST_OWN, Limited, group_of, ruleset, table_of
from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.record import user_name
from greenroom.adapters.runtimes import users
from greenroom.domain.egress import Account, Reach, Standing
from greenroom.domain.errors import Errored
from greenroom.domain.names import checked_name
from greenroom.ports.clock import Clock

log = structlog.get_logger(__name__)

KNOWN_SECONDS = 5.0
"""How old what was found out about the machine may be for `standing`."""
USABLE_SECONDS = 60.0
"""How long nft is taken to be usable after it was."""
MOST_HEARD = 2000
"""Look-ups between two rounds."""

T = TypeVar("T")


class NftEgress:
    """Fulfils `ports.egress.Egress` where Greenroom is root and nftables works; elsewhere it says why it does not.

    Environments are told apart by their operating-system user, and their databases by theirs. One without a user yet
    has no process either: it is limited from the `limit` after the user was made.
    """

    def __init__(
        self,
        home: Home,
        project: str,
        clock: Clock,
        *,
        nft: Nft | None = None,
        resolve: Resolve = addresses_of,
        resolv_conf: Path = Path("/etc/resolv.conf"),
    ) -> None:
        self._home, self._project, self._clock = home, project, clock
        self._nft = nft or Nft()
        self._names = Names(clock.monotonic, resolve, home.private / "egress-names.json")
        self._resolv_conf = resolv_conf
        self._table, self._group = table_of(home.root), group_of(home.root)
        self._turn = threading.RLock()
        self._wanted: tuple[Reach, ...] = ()
        self._applied: str | None = None
        self._crowded: frozenset[str] = frozenset()
        self._known: tuple[float, Standing] | None = None
        self._usable: float | None = None
        self._book: Book | None = None
        self._running: Mapping[str, Sequence[str]] = {}
        self._ear: _Ear | None = None

    def limit(self, wanted: Sequence[Reach]) -> None:
        with self._alone():
            self._wanted = tuple(sorted(wanted, key=lambda r: r.environment))
            if not self._why_not():
                self._apply(self._counters())

    def look(self, running: Mapping[str, Sequence[str]]) -> None:
        with self._alone():
            self._running = running
            if not self._wanted or self._why_not():
                self._known = None
                return
            counters = self._counters()
            self._carry(counters)
            self._apply(counters)
            self._listen()

    def standing(self) -> Standing:
        with self._turn:
            now = self._clock.monotonic()
            if self._known is None or now - self._known[0] > KNOWN_SECONDS:
                why = self._why_not()
                found = Standing(False, why) if why else self._standing(self._counters())
                self._known = (now, found)
            return self._known[1]

    def refused(self, environment: str) -> Account:
        checked_name(environment, "environment")
        with self._alone():
            if not self._why_not():
                self._carry(self._counters())
            return self._accounts().read(environment)

    def lift(self) -> None:
        with self._alone():
            if self._ear is not None:
                self._ear.stop()
                self._ear = None
            self._wanted, self._applied, self._known = (), None, None
            if not self._why_not():
                self._carry(self._counters())
                self._try(lambda: self._nft.delete(self._table))

    # --- the machine -------------------------------------------------------------------------------

    def _apply(self, counters: Counters | None) -> None:
        """Say it to the kernel if it does not say so already."""
        if not self._wanted and counters is None:
            return  # nothing is limited, and nothing ever was
        if counters is None:
            self._accounts().began_anew()
            self._accounts().keep()
        limited = self._limited()
        hosts = {host for one in limited for host in one.reach.hosts}
        text = ruleset(self._table, self._group, limited, self._names.of(hosts), resolvers(self._resolv_conf))
        stands = counters is not None and counters.limited == {u for one in limited for u in one.users}
        if text != self._applied or not stands:
            if self._applied is not None and not stands:
                log.warning("egress.rules_were_gone", table=self._table)
            self._try(lambda: self._nft.apply(text))
            self._applied = text
            self._known = None

    def _limited(self) -> list[Limited]:
        everything, passing = listeners(), passing_ports()
        found = []
        for reach in self._wanted:
            user = _uid(users.environment_user(self._home, self._project, reach.environment))
            if user is not None:
                database = _uid(user_name(self._home, self._project, reach.environment))
                # Its database's too: while it is filled anew, the next one listens beside it.
                own = own_endpoints(everything, {user, database or user}, passing)
                found.append(Limited(reach, user, database, own[:MOST_OWN], len(own)))
        self._tell_crowded(frozenset(one.reach.environment for one in found if one.is_crowded))
        return found

    def _tell_crowded(self, crowded: frozenset[str]) -> None:
        for environment in sorted(crowded - self._crowded):
            log.warning("egress.listeners_left_out", environment=environment, most=MOST_OWN)
        self._crowded = crowded

    def _standing(self, counters: Counters | None) -> Standing:
        """An environment whose users are all judged, or that has none yet, is limited."""
        judged = counters.limited if counters is not None else frozenset()
        there = {one.reach.environment: set(one.users) for one in self._limited()}
        limited = frozenset(r.environment for r in self._wanted if there.get(r.environment, set()) <= judged)
        return Standing(True, "", limited, self._crowded)

    def _counters(self) -> Counters | None:
        return self._try(lambda: self._nft.counters(self._table))

    def _why_not(self) -> str:
        now = self._clock.monotonic()
        if self._usable is not None and now - self._usable < USABLE_SECONDS:
            return ""
        why = self._nft.why_not()
        self._usable = None if why else now
        return why

    def _try(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except NftFailed as error:
            raise Errored(
                "egress.not_applied",
                "the outgoing network of the environments could not be limited or looked at",
                because=str(error),
                hint=f"nft list table inet {self._table} shows what is in force; it is tried again by itself",
            ) from error

    # --- what was refused --------------------------------------------------------------------------

    def _carry(self, counters: Counters | None) -> None:
        book = self._accounts()
        if counters is not None:
            owners = {u: one.reach.environment for one in self._limited() for u in one.users}
            book.carry(counters, owners, self._running, self._clock.now())
        if self._ear is not None:
            for logged in self._ear.taken():
                self._note(book, logged)
        book.keep()

    def _note(self, book: Book, logged: Logged) -> None:
        message = dns.payload(logged.packet)
        if logged.prefix == "asked" and logged.user is not None:
            environment, name = book.owner(logged.user), dns.question(message)
            if environment is not None and name is not None:
                book.asked(environment, name)
        elif logged.prefix == "told" and (found := dns.told(message)) is not None:
            book.told(*found)

    def _listen(self) -> None:
        """Names are a help: where the kernel hands no packets over, addresses are still counted."""
        if self._ear is None or not self._ear.is_alive():
            try:
                self._ear = _Ear(PacketLog(self._group))
            except OSError as error:
                log.warning("egress.names_unknown", error=str(error), group=self._group)

    def _accounts(self) -> Book:
        if self._book is None:
            self._book = Book(self._home.private / "egress.json")
        return self._book

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time, also beside another process of this home."""
        with self._turn, locked(self._home.private / ".egress"):
            yield


class _Ear:
    """Listens beside everything else, and keeps the newest."""

    def __init__(self, packets: PacketLog) -> None:
        self._packets = packets
        self._heard: deque[Logged] = deque(maxlen=MOST_HEARD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="egress", daemon=True)
        self._thread.start()

    def taken(self) -> Iterator[Logged]:
        while self._heard:
            yield self._heard.popleft()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _loop(self) -> None:
        try:
            while not self._stop.is_set():
                self._heard.extend(self._packets.packets())
        except OSError as error:
            log.warning("egress.names_unknown", error=str(error))
        finally:
            self._packets.close()


def _uid(name: str) -> int | None:
    """None when there is no such user; root is never one of ours."""
    try:
        return pwd.getpwnam(name).pw_uid or None
    except KeyError:
        return None
