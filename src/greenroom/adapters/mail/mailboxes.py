"""`CaughtMail`: one server under the keeper for all environments whose mail is caught, one Maildir each.

mail/                  the server's own
    ENV/new/           one file for each message (https://cr.yp.to/proto/maildir.html)
private/mail.json      which port is whose; it stays the same
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.mail import letters
from greenroom.adapters.runtimes import users
from greenroom.adapters.runtimes.ports import free_port
from greenroom.adapters.sealing.files import write_atomically
from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.names import checked_name
from greenroom.keeper.spec import Keeper, KeeperUnavailable, Spec, SpecDiffers
from greenroom.ports.clock import Clock
from greenroom.ports.mail import Address, Caught, Letter

KEPT_AS = "mail"
HOST = "127.0.0.1"
START_SECONDS = 20.0
POLL_SECONDS = 0.02


class CaughtMail:
    """Fulfils `ports.mail.Mailboxes`. `environments` says whose mail is caught now."""

    def __init__(self, home: Home, keeper: Keeper, environments: Callable[[], Sequence[str]], clock: Clock) -> None:
        self._home, self._keeper, self._environments, self._clock = home, keeper, environments, clock
        self._root = home.root / "mail"
        self._file = home.private / "mail.json"
        self._turn = threading.Lock()

    def address(self, environment: str) -> Address:
        with self._turn, locked(self._home.private / ".mail"):
            ports = self._ports(checked_name(environment, "environment"))
            self._listen(ports)
            return Address(HOST, ports[environment])

    def given(self, environment: str) -> Address | None:
        known = self._known().get(checked_name(environment, "environment"))
        return None if known is None else Address(HOST, known)

    def caught(self, environment: str, limit: int = 100) -> list[Caught]:
        box = self._box(environment)
        found = (letters.caught(box, name) for name in letters.names(box)[:limit])
        return [one for one in found if one is not None]

    def letter(self, environment: str, message: str) -> Letter:
        found = letters.letter(self._box(environment), message) if letters.is_name(message) else None
        if found is None:
            raise BadInput(
                "mail.unknown",
                f"{environment} has no message {message[:80]!r}",
                hint=f"greenroom mail list {environment} shows them",
            )
        return found

    def clear(self, environment: str) -> int:
        box = self._box(environment)
        found = letters.names(box)
        for name in found:
            (box / "new" / name).unlink(missing_ok=True)
        return len(found)

    def alive(self) -> bool:
        if not self._file.exists():
            return True
        try:
            return self._keeper.status(KEPT_AS).state == "running"
        except KeeperUnavailable:
            return False

    def _box(self, environment: str) -> Path:
        return self._root / checked_name(environment, "environment")

    def _ports(self, environment: str) -> dict[str, int]:
        """Those of every environment whose mail is caught; each is chosen once."""
        known = self._known()
        wanted = sorted({environment, *self._environments()})
        if all(name in known for name in wanted):
            return {name: known[name] for name in wanted}
        for name in wanted:
            known.setdefault(name, free_port(self._home.private / "ports.json", f"mail-{name}"))
        write_atomically(self._file, json.dumps(known).encode(), mode=0o600)
        return {name: known[name] for name in wanted}

    def _known(self) -> dict[str, int]:
        known: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return known

    def _listen(self, ports: dict[str, int]) -> None:
        user = users.ensure_user(users.mail_user(self._home)) if users.can_separate() else None
        self._root.mkdir(exist_ok=True, mode=0o700)
        if user is not None:
            os.chown(self._root, user.uid, user.gid)
        spec = Spec(
            name=KEPT_AS,
            argv=self._argv(user, ports),
            cwd="/",
            log=str(self._home.logs / "mail.log"),
            env={"LANG": "C.UTF-8"},
            umask=0o077,
            stop_seconds=10.0,
        )
        try:
            try:
                self._keeper.start(spec)
            except SpecDiffers:  # environments came or went
                self._keeper.stop(KEPT_AS)
                self._keeper.start(spec)
        except KeeperUnavailable as error:
            raise Errored(
                "mail.unavailable", "the keeper does not answer", because=str(error), hint="greenroom up starts it"
            ) from error
        self._wait_until_it_listens(ports)

    def _argv(self, user: users.User | None, ports: dict[str, int]) -> list[str]:
        who = f"{user.uid}:{user.gid}" if user else "-"
        named = [f"{name}={port}" for name, port in sorted(ports.items())]
        return [sys.executable, "-m", "greenroom.adapters.mail.catcher", str(self._root), who, *named]

    def _wait_until_it_listens(self, ports: dict[str, int]) -> None:
        deadline = self._clock.monotonic() + START_SECONDS
        for port in ports.values():
            while True:
                try:
                    socket.create_connection((HOST, port), timeout=5).close()
                    break
                except OSError as error:
                    if self._clock.monotonic() > deadline:
                        raise Errored(
                            "mail.unavailable",
                            "nobody catches the environments' mail",
                            because=str(error),
                            hint=f"see {self._home.logs / 'mail.log'}",
                        ) from error
                self._clock.sleep(POLL_SECONDS)
