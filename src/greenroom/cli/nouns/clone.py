"""`greenroom clone`: a database of one's own, with masked data in it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from greenroom.cli.client import SECONDS
from greenroom.cli.command import Session, by_default, command
from greenroom.cli.options import Yes
from greenroom.domain.clone import name_from
from greenroom.domain.errors import Refused
from greenroom.terminal.words import local, one_line, plain, until

ORDER = 86
GIT_SECONDS = 5.0

Dataset = Annotated[
    str | None, typer.Option("--dataset", metavar="DATASET", help="Which masked dataset. The newest, when absent.")
]
Named = Annotated[str, typer.Argument(metavar="NAME", help="As greenroom clone list shows it.", show_default=False)]


def commands(app: typer.Typer) -> None:
    group = typer.Typer(
        name="clone",
        cls=by_default("make"),
        help="A database of your own, with masked data in it: greenroom clone [--name NAME] is clone make.",
    )
    command(group, "make")(make)
    command(group, "list")(listed)
    command(group, "reset")(reset)
    command(group, "drop")(drop)
    app.add_typer(group)


def make(
    session: Session,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="When absent: of the git branch here, else your account's."),
    ] = None,
    dataset: Dataset = None,
) -> int:
    """Make your clone, or show it if it is there: its address, alone on standard output, with the password.

    Nobody else is given the address. A clone that nobody asks for expires: data/clones/expire in greenroom.yaml.

    \b
    Example: greenroom clone --name cart
    """
    given = obtain(session, name, dataset)
    session.answer(given, lambda: one_line(given["url"]))
    return 0


def obtain(session: Session, name: str | None, dataset: str | None = None) -> dict[str, Any]:
    """The clone of this name (of the branch here, when absent), running; says on standard error what it is."""
    wanted = name or _own_name(session)
    given: dict[str, Any] = _in_turn(session, lambda: session.client.put("clones", wanted, dataset=dataset))
    session.say(
        f"clone {one_line(given['name'])} of {one_line(given['dataset'])}, filled {local(given['made_at'])},"
        f" expires {until(given['expires_at'])} unless it is asked for"
    )
    return given


def listed(session: Session) -> int:
    """Everybody's clones: of which dataset, how old, when they expire. Addresses are not shown.

    \b
    Example: greenroom clone list
    """
    from greenroom.terminal.data import clones

    found = session.client.get("clones")
    session.answer(found, lambda: clones(found))
    return 0


def reset(session: Session, name: Named, dataset: Dataset = None, yes: Yes = False) -> int:
    """Fill your clone anew: what was changed in it is lost, its address stays.

    \b
    Example: greenroom clone reset cart --yes
    """
    if not yes:
        session.confirm(f"lose what was changed in {plain(name)}?")
    given = _in_turn(session, lambda: session.client.post("clones", name, "reset", dataset=dataset))
    session.answer(given, lambda: f"{one_line(given['name'])} is as {one_line(given['dataset'])} has it")
    return 0


def drop(
    session: Session,
    name: Named,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="ACCOUNT", help="Whose; your own, when absent.")
    ] = None,
    yes: Yes = False,
) -> int:
    """Drop a clone, with everything in it.

    \b
    Example: greenroom clone drop cart --yes
    """
    if not yes:
        session.confirm(f"drop {plain(name)}, with everything in it?")
    _in_turn(session, lambda: session.client.delete("clones", name, owner=owner))
    session.answer({"name": name, "dropped": True}, lambda: f"{plain(name)} is not there any more")
    return 0


def _in_turn(session: Session, ask: Callable[[], Any]) -> Any:
    """Asked again while it is another's turn, for as long as the connection would wait for an answer."""
    end, said = time.monotonic() + SECONDS, ""
    while True:
        try:
            return ask()
        except Refused as refused:
            again = refused.facts.get("retry_after")
            if again is None or time.monotonic() + again > end:
                raise
            if refused.message != said:
                session.say(f"{refused.message}: waiting")
                said = refused.message
        time.sleep(again)


def _own_name(session: Session) -> str:
    return name_from(_branch() or "") or str(session.client.get("accounts", "me")["name"])


def _branch() -> str | None:
    """The git branch that is checked out here; None where there is none to be found out."""
    try:
        told = subprocess.run(
            ["git", "symbolic-ref", "--quiet", "--short", "HEAD"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() if told.returncode == 0 else None
