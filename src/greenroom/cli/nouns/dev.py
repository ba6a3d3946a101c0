"""`greenroom dev`: the working tree, running here, on a database of one's own."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import where
from greenroom.cli.command import Session, command
from greenroom.domain.errors import BadInput
from greenroom.domain.names import VARIABLE
from greenroom.domain.secret import Secret

if TYPE_CHECKING:
    from greenroom.config.project import ProjectConfig
    from greenroom.dev.child import Say
    from greenroom.dev.plan import Given, Plan
    from greenroom.dev.session import DevSession

ORDER = 35
PORTS = range(21000, 22000)
COLORS = ("36", "33", "35", "32", "34", "96", "93", "95")
OURS = "2"


def commands(app: typer.Typer) -> None:
    command(app, "dev")(dev)


def dev(
    session: Session,
    clone: Annotated[
        str | None,
        typer.Option("--clone", metavar="NAME", help="Which clone of yours; of the git branch, when absent."),
    ] = None,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="A database of your own instead of a clone.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="The value of a variable, such as a secret. Repeatable."),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Where to listen; always the same when absent.")
    ] = None,
) -> int:
    """Run the working tree here, until Ctrl-C: processes as greenroom.yaml has them, restarted when a file changes.

    They are given what they would be given in dev: declared variables alone, the address of your clone, dev's mailbox.
    Migrations run first. Secrets that are generated are new ones each time; others are given with --set.

    \b
    Example: greenroom dev --set PAYMENT_TOKEN=test
    """
    if session.as_json:
        raise BadInput("usage.invalid", "dev has no end, so it is no one JSON document", hint="leave --json out")
    root = _root()
    values = dict(_pair(one) for one in given or ())
    config = _config(root)
    url = _database(session, config, clone, database)

    from greenroom.dev.session import DevSession
    from greenroom.dev.watching import changes

    with _sockets() as sockets:
        handed = _given(session, values, url, sockets)
        running = DevSession(lambda: _plan(root, handed), _printer(config), lambda stop: changes(root, stop))
        with _told_to_stop(running):
            running.run(port or _port(root))
    return 0


def _plan(root: Path, given: Given) -> Plan:
    from greenroom.dev.plan import plan_of

    return plan_of(_config(root), root, given)


def _root() -> Path:
    found = where.find_repository()
    if found is None:
        raise BadInput(
            "config.absent",
            f"no {where.FILE} lies here or above",
            hint="go to the project's repository, or greenroom init",
        )
    return Path(found)


def _config(root: Path) -> ProjectConfig:
    from greenroom.config.load import load_file

    return load_file(root / where.FILE, where.FILE)


def _database(session: Session, config: ProjectConfig, clone: str | None, database: str | None) -> Secret | None:
    """The address of the database; None for an application that has none."""
    if database is not None:
        if clone is not None:
            raise BadInput("usage.invalid", "--clone and --database exclude each other", hint="give one of them")
        return Secret(database)
    wanted = config.described.services.postgres
    if wanted is None:
        return None
    from greenroom.cli.nouns.clone import obtain

    got = obtain(session, clone)
    if got["version"].partition(".")[0] != str(wanted):
        session.say(f"the clone is PostgreSQL {got['version']}, and {where.FILE} wants {wanted}")
    return Secret(got["url"])


def _given(session: Session, values: dict[str, str], database: Secret | None, sockets: Path) -> Given:
    from greenroom.dev.plan import Given

    made: dict[str, Secret] = {}
    known: list[tuple[str, int]] = []

    def mail() -> tuple[str, int]:
        if not known:
            dev = next((e["name"] for e in session.client.get("environments") if e["kind"] == "dev"), "dev")
            box = session.client.get("environments", dev, "mailbox")
            known.append((box["host"], box["port"]))
        return known[0]

    return Given(
        set=values,
        database=database,
        generate=lambda name: made.setdefault(name, Secret(secrets.token_urlsafe(48))),
        mail=mail,
        sockets=sockets,
        port=_free_port(),
        shell=os.environ,
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not VARIABLE.fullmatch(name):
        raise BadInput(
            "usage.invalid", f"--set: should be NAME=VALUE (got {name[:40]!r})", hint="greenroom dev --help shows it"
        )
    return name, value


def _printer(config: ProjectConfig) -> Say:
    """Lines of all processes, each with its name in a colour of its own where there are colours."""
    from greenroom.terminal.screen import has_color
    from greenroom.terminal.words import only_painted, plain

    names = ["migrate", *(p.name for p in config.described.processes)]
    width = max(len(n) for n in (*names, "greenroom"))
    colors = {n: COLORS[i % len(COLORS)] for i, n in enumerate(names)}
    painted, turn = has_color(sys.stdout), threading.Lock()

    def say(name: str, text: str) -> None:
        head = plain(name).ljust(width)
        if painted:
            head = f"\x1b[{colors.get(name, OURS)}m{head}\x1b[0m"
        said = only_painted(text) + "\x1b[0m" if painted else plain(text)
        with turn:
            sys.stdout.write(f"{head} {said}\n")
            sys.stdout.flush()

    return say


@contextmanager
def _told_to_stop(running: DevSession) -> Iterator[None]:
    """Ctrl-C, `kill` and a closed terminal end everything in order."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda number, frame: running.stop()) for number in numbers]
    try:
        yield
    finally:
        for number, was in zip(numbers, before, strict=True):
            signal.signal(number, was)


@contextmanager
def _sockets() -> Iterator[Path]:
    """A short directory of our own: a unix socket's name has 107 bytes."""
    folder = tempfile.mkdtemp(prefix="greenroom-dev-", dir=None if len(tempfile.gettempdir()) < 60 else "/tmp")  # noqa: S108
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _port(root: Path) -> int:
    """The same for the same directory, as long as nobody else has it: bookmarks stay good."""
    start = zlib.crc32(os.fsencode(root)) % len(PORTS)
    for offset in range(len(PORTS)):
        port = PORTS[(start + offset) % len(PORTS)]
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BadInput("dev.port_taken", f"no port from {PORTS[0]} on is free", hint="choose one with --port")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
